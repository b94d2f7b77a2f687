"""Runs that import products."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("indexing", "0004_fetches"),
    ]

    operations = [
        migrations.AlterField(
            model_name="indexingrun",
            name="kind",
            field=models.CharField(
                choices=[
                    ("refresh", "Refresh"),
                    ("rebuild", "Rebuild"),
                    ("training", "Training"),
                    ("fetch", "Fetch"),
                    ("import", "Import"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="result",
            field=models.JSONField(
                blank=True, default=dict, help_text="What a training or an import brought."
            ),
        ),
    ]
