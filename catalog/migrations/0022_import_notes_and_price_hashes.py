"""Imports keep what they have noted. Sources know rows whose prices and stock alone have changed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0021_uploaded_imports")]

    operations = [
        migrations.AddField(
            model_name="productimport",
            name="noted",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Lines that were written with a change, or twice.",
                verbose_name="noted lines",
            ),
        ),
        migrations.AddField(
            model_name="productimport",
            name="notes",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="The first of them: line number and sentence.",
            ),
        ),
        migrations.AddField(
            model_name="sourceproduct",
            name="rest_hash",
            field=models.BinaryField(default=b"", max_length=16),
        ),
    ]
