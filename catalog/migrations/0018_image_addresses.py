"""Photos that imports name by web addresses, also those of variants.

The database itself deletes the rows of deleted products, for those who write SQL."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

CASCADES = """
DO $$
DECLARE fk record;
BEGIN
    FOR fk IN
        SELECT conname, confrelid::regclass AS target, a.attname AS source_column
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE contype = 'f' AND conrelid = 'catalog_addressedimage'::regclass
    LOOP
        EXECUTE format('ALTER TABLE catalog_addressedimage DROP CONSTRAINT %I', fk.conname);
        EXECUTE format(
            'ALTER TABLE catalog_addressedimage ADD CONSTRAINT %I FOREIGN KEY (%I) '
            'REFERENCES %s (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED',
            fk.conname, fk.source_column, fk.target);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0017_variants"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImageAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.CharField(max_length=2000)),
                ("host", models.CharField(max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("fetched", "Fetched"),
                            ("failed", "Failed"),
                            ("given up", "Given Up"),
                        ],
                        default="waiting",
                        help_text="Failed: is tried again. Given up: waits for an import or an operator.",
                        max_length=10,
                    ),
                ),
                ("error", models.TextField(blank=True, help_text="Why the last attempt failed.")),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="Since the last success.",
                        verbose_name="failed attempts",
                    ),
                ),
                ("waiting_since", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "next_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="next attempt"),
                ),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "fetched_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the server last sent the photo or called it current.",
                        null=True,
                    ),
                ),
                ("etag", models.CharField(blank=True, max_length=500, verbose_name="ETag")),
                (
                    "last_modified",
                    models.CharField(blank=True, max_length=100, verbose_name="Last-Modified"),
                ),
                ("content_hash", models.CharField(blank=True, max_length=32)),
                ("file", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name": "photo address",
                "verbose_name_plural": "photo addresses",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["host", "next_at"],
                        name="image_address_due",
                    ),
                    models.Index(fields=["claimed_at"], name="image_address_claimed_at"),
                    models.Index(
                        condition=models.Q(("claimed_until__isnull", False)),
                        fields=["claimed_until"],
                        name="image_address_held",
                    ),
                    models.Index(
                        condition=models.Q(("state", "fetched"), _negated=True),
                        fields=["state", "waiting_since"],
                        name="image_address_not_fetched",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("address",), name="image_address_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="AddressedImage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "product_id",
                        "position",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addressed_images",
                        to="catalog.product",
                    ),
                ),
                (
                    "address",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addressed_images",
                        to="catalog.imageaddress",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(CASCADES, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="variant",
            name="image_places",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(),
                blank=True,
                default=list,
                editable=False,
                help_text="Positions of these photos in the import, if addresses are among them.",
                size=None,
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE catalog_variant ALTER image_places SET DEFAULT '{}'",
            migrations.RunSQL.noop,
        ),
    ]
