import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0011_forget_photo_hashes")]

    operations = [
        migrations.RenameField("adapter", "asker", "query_encoder"),
        migrations.RenameField("adapter", "stored", "index_encoder"),
        # Help texts only: the database does nothing.
        migrations.AlterField(
            "adapter",
            "figures",
            models.JSONField(
                default=dict,
                help_text="Recall on held-out photos, for every kind of adapter tried.",
            ),
        ),
        migrations.AlterField(
            "adapter",
            "match",
            models.JSONField(
                blank=True,
                default=dict,
                help_text="Calibration of match levels for searches through this adapter.",
            ),
        ),
        migrations.AlterField(
            "adapter",
            "parameters",
            models.BinaryField(help_text="float32, row major: the arrays one after another."),
        ),
        migrations.AlterField(
            "adapter",
            "sample",
            models.PositiveIntegerField(help_text="Number of photos the adapter was fitted on."),
        ),
        migrations.AlterField(
            "adapter",
            "shapes",
            models.JSONField(
                help_text="Shapes of those arrays; catalog/visual/adapter.py describes them."
            ),
        ),
        migrations.AlterField(
            "generation",
            "match",
            models.JSONField(
                blank=True,
                default=dict,
                help_text="Calibrated match margins from which results are called exact and similar.",
            ),
        ),
        migrations.AlterField(
            "generation",
            "query_adapter",
            models.ForeignKey(
                blank=True,
                help_text="Maps another encoder's queries. Empty: queries are encoded by `encoder`.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="catalog.adapter",
            ),
        ),
        migrations.AlterField(
            "generation",
            "recall_at_20",
            models.FloatField(
                blank=True, help_text="Recall@20 of the graph against exact search.", null=True
            ),
        ),
        migrations.AlterField(
            "publication",
            "undone_at",
            models.DateTimeField(
                blank=True, help_text="When a roll back undid this switch.", null=True
            ),
        ),
    ]
