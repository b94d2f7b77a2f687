"""Trainings: their options and results, and the progress of a chunk that takes minutes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("indexing", "0002_plain_help_texts_and_labels")]

    operations = [
        migrations.AlterField(
            model_name="indexingrun",
            name="kind",
            field=models.CharField(
                choices=[("refresh", "Refresh"), ("rebuild", "Rebuild"), ("training", "Training")],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="encoder",
            field=models.CharField(
                blank=True,
                help_text="Of a rebuild, or from which a training starts.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="indexingrun",
            name="options",
            field=models.JSONField(blank=True, default=dict, help_text="Options of a training."),
        ),
        migrations.AddField(
            model_name="indexingrun",
            name="result",
            field=models.JSONField(blank=True, default=dict, help_text="What a training brought."),
        ),
        migrations.AddField(
            model_name="chunk",
            name="done",
            field=models.PositiveIntegerField(
                default=0, help_text="Part of the size that is done, if the chunk takes minutes."
            ),
        ),
    ]
