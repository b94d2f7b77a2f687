"""Changes only help texts, labels and names of choices. The database does nothing."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0012_adapter_encoders"),
    ]

    operations = [
        migrations.AlterField(
            model_name="adapter",
            name="parameters",
            field=models.BinaryField(
                help_text="The arrays, one after another: float32, row major."
            ),
        ),
        migrations.AlterField(
            model_name="adapter",
            name="shapes",
            field=models.JSONField(
                help_text="Shapes of the arrays. `catalog/visual/adapter.py` describes them."
            ),
        ),
        migrations.AlterField(
            model_name="clickburst",
            name="clicks",
            field=models.PositiveIntegerField(help_text="Number of clicks in the burst."),
        ),
        migrations.AlterField(
            model_name="clickburst",
            name="decision",
            field=models.CharField(
                choices=[("open", "undecided"), ("count", "counted"), ("leave_out", "left out")],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="clickburst",
            name="reason",
            field=models.CharField(
                choices=[
                    ("origin_day", "One address clicked far more often in a day than others"),
                    ("origin_seconds", "One address searched and clicked within seconds"),
                    ("product_day", "The product got far more clicks than on other days"),
                    (
                        "product_seconds",
                        "The product got clicks from many addresses within seconds",
                    ),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="clickrate",
            name="expected",
            field=models.FloatField(help_text="Clicks of a usual product in the same positions."),
        ),
        migrations.AlterField(
            model_name="clickrate",
            name="rate",
            field=models.FloatField(help_text="0 to 1. A usual product has 0.5."),
        ),
        migrations.AlterField(
            model_name="encoderversion",
            name="quality",
            field=models.JSONField(
                blank=True, default=dict, help_text="Measured figures, by set of photos."
            ),
        ),
        migrations.AlterField(
            model_name="encoderversion",
            name="source",
            field=models.CharField(
                blank=True, help_text="Folder or model hub it was loaded from.", max_length=1000
            ),
        ),
        migrations.AlterField(
            model_name="encoderversion",
            name="status",
            field=models.CharField(
                choices=[("registered", "Registered"), ("live", "Live"), ("retired", "Retired")],
                default="registered",
                help_text="Live: encodes the photos or the queries of the live index. Retired: was live.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="at",
            field=models.DateTimeField(
                db_index=True, default=django.utils.timezone.now, verbose_name="time"
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="hnsw_ef_construction",
            field=models.PositiveSmallIntegerField(verbose_name="HNSW ef_construction"),
        ),
        migrations.AlterField(
            model_name="generation",
            name="hnsw_m",
            field=models.PositiveSmallIntegerField(verbose_name="HNSW m"),
        ),
        migrations.AlterField(
            model_name="generation",
            name="match",
            field=models.JSONField(
                blank=True, default=dict, help_text="Calibrated thresholds of the match levels."
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="query_adapter",
            field=models.ForeignKey(
                blank=True,
                help_text="Adapter for the queries of another encoder. Empty: `encoder` encodes them.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="catalog.adapter",
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="recall_at_20",
            field=models.FloatField(
                blank=True,
                help_text="Recall of the graph against exact search.",
                null=True,
                verbose_name="recall@20",
            ),
        ),
        migrations.AlterField(
            model_name="indexedproduct",
            name="changed_at",
            field=models.DateTimeField(help_text="Time of the last indexed change.", null=True),
        ),
        migrations.AlterField(
            model_name="indexedproduct",
            name="indexed_at",
            field=models.DateTimeField(help_text="Empty until a live index has it.", null=True),
        ),
        migrations.AlterField(
            model_name="indexedproduct",
            name="vocabulary",
            field=models.CharField(
                default="",
                help_text="Checksum of the vocabulary it was tagged with.",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="loggedsearch",
            name="at",
            field=models.DateTimeField(
                db_index=True, default=django.utils.timezone.now, verbose_name="time"
            ),
        ),
        migrations.AlterField(
            model_name="loggedsearch",
            name="features",
            field=models.JSONField(help_text="Ranking features of each product."),
        ),
        migrations.AlterField(
            model_name="loggedsearch",
            name="offset",
            field=models.PositiveIntegerField(help_text="Number of results on earlier pages."),
        ),
        migrations.AlterField(
            model_name="loggedsearch",
            name="products",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                help_text="Product ids, in the order shown.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="is_visible",
            field=models.BooleanField(
                default=True,
                help_text="Hidden products disappear from the results at once.",
                verbose_name="visible",
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="text_hash",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(
                    models.F("title"),
                    models.F("title_ru"),
                    models.F("description"),
                    models.F("keywords"),
                    models.F("category"),
                    function="catalog_text_hash",
                ),
                help_text="Hash of the texts that tags are derived from.",
                output_field=models.CharField(max_length=32),
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="url",
            field=models.URLField(
                blank=True, help_text="Page of the product in the shop.", max_length=1000
            ),
        ),
        migrations.AlterField(
            model_name="productchange",
            name="changed_at",
            field=models.DateTimeField(help_text="Time of the first change that is not indexed."),
        ),
        migrations.AlterField(
            model_name="productimage",
            name="position",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Results show the photo with the lowest position."
            ),
        ),
        migrations.AlterField(
            model_name="projection",
            name="explained",
            field=models.FloatField(help_text="Share of the sample's energy it keeps, 0 to 1."),
        ),
        migrations.AlterField(
            model_name="projection",
            name="sample",
            field=models.PositiveIntegerField(help_text="Number of embeddings it was fitted on."),
        ),
        migrations.AlterField(
            model_name="publication",
            name="at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="time"),
        ),
        migrations.AlterField(
            model_name="publication",
            name="undone_at",
            field=models.DateTimeField(
                blank=True, help_text="Time of the rollback that undid this switch.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="reranker",
            name="figures",
            field=models.JSONField(help_text="Quality on held-out clicks."),
        ),
        migrations.AlterField(
            model_name="reranker",
            name="withdrawn",
            field=models.BooleanField(
                default=False,
                help_text="Nightly training activates no reranker while this is set.",
                verbose_name="deactivated by an operator",
            ),
        ),
        migrations.AlterField(
            model_name="tag",
            name="is_active",
            field=models.BooleanField(
                default=True,
                help_text="Inactive tags are not assigned to products.",
                verbose_name="active",
            ),
        ),
    ]
