"""Changes only help texts, labels and names of choices. The database does nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("indexing", "0001_runs"),
    ]

    operations = [
        migrations.AlterField(
            model_name="chunk",
            name="size",
            field=models.PositiveIntegerField(help_text="Number of images or products."),
        ),
        migrations.AlterField(
            model_name="imagefailure",
            name="last_at",
            field=models.DateTimeField(auto_now=True, verbose_name="last failure"),
        ),
        migrations.AlterField(
            model_name="indexevaluation",
            name="recall_at_20",
            field=models.FloatField(null=True, verbose_name="recall@20"),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="at_once",
            field=models.BooleanField(
                default=False,
                help_text="The new encoder encodes queries from the start, through an adapter.",
            ),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="encoder",
            field=models.CharField(blank=True, help_text="Encoder of a rebuild.", max_length=300),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="publish",
            field=models.BooleanField(
                default=True, help_text="Publish the new generation if it passes its gates."
            ),
        ),
        migrations.AlterField(
            model_name="indexingrun",
            name="stage",
            field=models.CharField(blank=True, help_text="The current stage.", max_length=20),
        ),
    ]
