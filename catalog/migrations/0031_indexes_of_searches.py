"""Indexes by which the console lists the slowest searches first, and those with weak results."""

import django.db.models.fields.json
import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("catalog", "0030_repeated_calls_and_webhooks_in_the_console")]

    operations = [
        AddIndexConcurrently(
            model_name="loggedsearch",
            index=models.Index(
                django.db.models.functions.comparison.Cast(
                    django.db.models.fields.json.KT("timings_ms__total"), models.FloatField()
                ),
                name="logged_search_total_ms",
            ),
        ),
        AddIndexConcurrently(
            model_name="loggedsearch",
            index=models.Index(fields=["best_match", "at"], name="logged_search_match"),
        ),
    ]
