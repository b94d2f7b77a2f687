"""The calibration of the tags that photos are given."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0014_tag_states"),
    ]

    operations = [
        migrations.CreateModel(
            name="TagCalibration",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "vocabulary",
                    models.CharField(
                        help_text="Checksum of the tags that it was made for.", max_length=32
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        help_text="Ids of tags for photos.",
                        size=None,
                    ),
                ),
                (
                    "thresholds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        blank=True,
                        default=list,
                        help_text="Lowest score of each tag.",
                        size=None,
                    ),
                ),
                (
                    "background",
                    models.FloatField(
                        default=1.0, help_text="Cosine from which a product counts as like a photo."
                    ),
                ),
                (
                    "photos",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        blank=True,
                        default=list,
                        help_text="Number of reference photos of each product.",
                        size=None,
                    ),
                ),
                (
                    "vectors",
                    models.BinaryField(help_text="float16, reference photos × dimensions."),
                ),
                ("labels", models.BinaryField(help_text="Bits, products × tags.")),
                (
                    "figures",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Figures of each tag on photos held out, by id.",
                    ),
                ),
                ("checksum", models.CharField(max_length=32)),
                ("created_at", models.DateTimeField(auto_now=True)),
                (
                    "encoder",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tag_calibration",
                        to="catalog.encoderversion",
                    ),
                ),
            ],
        ),
    ]
