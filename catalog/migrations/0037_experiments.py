"""Experiments with rankings of recommendations, and how events came."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import catalog.models.recommendation


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0036_addresses_of_deleted_products"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="channel",
            field=models.CharField(
                blank=True,
                choices=[
                    ("page", "pages of Vitrina"),
                    ("component", "web component"),
                    ("server", "apps and servers with a secret key"),
                    ("open", "calls without a key"),
                    ("file", "files"),
                ],
                db_default="",
                default="",
                help_text="Empty in rows from before the field existed.",
                max_length=9,
            ),
        ),
        migrations.CreateModel(
            name="RankingExperiment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first", models.CharField(max_length=20, verbose_name="first ranking")),
                ("second", models.CharField(max_length=20, verbose_name="second ranking")),
                ("salt", models.BinaryField(default=catalog.models.recommendation.make_salt)),
                ("started_by", models.CharField(blank=True, max_length=200, verbose_name="by")),
                (
                    "started_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="started"),
                ),
                ("ends_at", models.DateTimeField(verbose_name="ends")),
                ("stopped_at", models.DateTimeField(null=True, verbose_name="stopped")),
                ("is_open", models.BooleanField(default=True, verbose_name="open")),
                (
                    "sums",
                    models.JSONField(
                        default=list,
                        help_text="What was counted, once the rows of sessions are deleted.",
                    ),
                ),
                ("adopted", models.CharField(blank=True, max_length=20, verbose_name="adopted")),
                ("adopted_at", models.DateTimeField(null=True, verbose_name="adopted at")),
            ],
            options={
                "verbose_name": "experiment",
                "verbose_name_plural": "experiments",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_open", True)),
                        fields=("is_open",),
                        name="one_open_experiment",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExperimentSession",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "experiment_id",
                        "sender",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sender", models.CharField(max_length=32)),
                ("is_second", models.BooleanField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "origin",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=16
                    ),
                ),
                (
                    "queries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        help_text="The answers that were shown.",
                        size=None,
                    ),
                ),
                (
                    "shown",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                (
                    "clicked",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="catalog.rankingexperiment"
                    ),
                ),
            ],
        ),
    ]
