"""Sources of products, and imports as they are remembered."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0018_image_addresses"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProductImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="The source, the file or the address.", max_length=300
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("waiting", "Waiting"),
                            ("discarded", "Discarded"),
                            ("undoing", "Undoing"),
                            ("undone", "Undone"),
                        ],
                        default="running",
                        help_text="Waiting: an operator confirms or discards it.",
                        max_length=10,
                    ),
                ),
                (
                    "chunk_id",
                    models.BigIntegerField(
                        blank=True, help_text="The chunk of the run that imports.", null=True
                    ),
                ),
                ("started_by", models.CharField(blank=True, max_length=150, verbose_name="by")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("added", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                ("hidden", models.PositiveIntegerField(default=0)),
                ("removed", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0, verbose_name="refused lines")),
                (
                    "missing",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Products that the feed no longer has, if an operator must decide.",
                    ),
                ),
                ("error", models.TextField(blank=True)),
                ("undone_by", models.CharField(blank=True, max_length=150)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "kept",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Products of which something was not taken back, because it has changed since.",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "address",
                    models.CharField(
                        help_text="A web address, or the path of a file below IMPORT_ROOT.",
                        max_length=2000,
                        verbose_name="address or file",
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        blank=True,
                        help_text="Empty: found by the content of the feed.",
                        max_length=20,
                    ),
                ),
                (
                    "mapping",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Which column of a table is which field of products.",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        blank=True,
                        help_text="For prices that name none, such as USD.",
                        max_length=3,
                    ),
                ),
                (
                    "is_full",
                    models.BooleanField(
                        default=True,
                        help_text="A full feed has all products: those that it no longer has are hidden. A partial one only adds and changes, and what its rows leave out stays.",
                        verbose_name="full",
                    ),
                ),
                (
                    "cron",
                    models.CharField(
                        blank=True,
                        help_text="A cron expression of five fields, in UTC. Empty: SOURCE_CRON.",
                        max_length=100,
                        verbose_name="schedule",
                    ),
                ),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="Is pulled by its schedule."),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="next pull"
                    ),
                ),
                ("requested_by", models.CharField(blank=True, editable=False, max_length=150)),
                (
                    "reads_all",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="The next pull compares every row with the catalogue, changed or not.",
                    ),
                ),
                (
                    "hides_up_to",
                    models.PositiveIntegerField(
                        default=0,
                        editable=False,
                        help_text="Number of products that an operator lets it hide.",
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(
                        default=0,
                        editable=False,
                        help_text="Since the last success.",
                        verbose_name="failed attempts",
                    ),
                ),
                (
                    "pulled_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="last pull"
                    ),
                ),
                (
                    "result",
                    models.TextField(blank=True, editable=False, verbose_name="last result"),
                ),
                (
                    "error",
                    models.TextField(
                        blank=True, editable=False, help_text="Why the last pull failed."
                    ),
                ),
                (
                    "etag",
                    models.CharField(
                        blank=True, editable=False, max_length=500, verbose_name="ETag"
                    ),
                ),
                (
                    "last_modified",
                    models.CharField(
                        blank=True, editable=False, max_length=100, verbose_name="Last-Modified"
                    ),
                ),
                ("content_hash", models.CharField(blank=True, editable=False, max_length=32)),
                ("options_hash", models.CharField(blank=True, editable=False, max_length=32)),
                ("changes_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="RefusedLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.PositiveIntegerField()),
                ("sku", models.CharField(blank=True, max_length=200, verbose_name="SKU")),
                ("reason", models.TextField()),
                (
                    "product_import",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="catalog.productimport",
                    ),
                ),
            ],
            options={
                "ordering": ["product_import_id", "line", "id"],
            },
        ),
        migrations.AddField(
            model_name="productimport",
            name="source",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="imports",
                to="catalog.source",
            ),
        ),
        migrations.CreateModel(
            name="SourceProduct",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "product_id",
                        "source_id",
                        "sku",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("product_id", models.BigIntegerField()),
                ("sku", models.CharField(max_length=200, verbose_name="SKU")),
                ("row_hash", models.BinaryField(max_length=16)),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="catalog.source",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportedRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "product_import_id",
                        "product_id",
                        "relation",
                        "row_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("product_id", models.BigIntegerField()),
                (
                    "relation",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Product"),
                            (2, "Variant"),
                            (3, "Image"),
                            (4, "Addressed Image"),
                        ]
                    ),
                ),
                ("row_id", models.BigIntegerField()),
                (
                    "op",
                    models.CharField(
                        help_text="I, U or D: inserted, updated, deleted. X: inserted and deleted again.",
                        max_length=1,
                    ),
                ),
                ("digest", models.UUIDField(null=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                (
                    "product_import",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="catalog.productimport",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["product_id", "relation", "row_id"], name="imported_row_product"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="productimport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("chunk_id__isnull", False)),
                fields=("chunk_id",),
                name="import_of_a_chunk",
            ),
        ),
        migrations.AddIndex(
            model_name="sourceproduct",
            index=models.Index(fields=["source", "sku"], name="source_product_sku"),
        ),
    ]
