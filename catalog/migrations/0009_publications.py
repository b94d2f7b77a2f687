"""Every switch to a generation becomes a row, in place of one `previous` for each generation: a
generation may go live more than once."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

ADOPT_CHAIN = """
-- The live generation, what was live before it, and so on: the oldest gets the first row.
INSERT INTO catalog_publication (generation_id, at)
WITH RECURSIVE chain AS (
    SELECT id, previous_id, published_at, 0 AS depth, ARRAY[id] AS seen
    FROM catalog_generation WHERE state = 'live'
    UNION ALL
    SELECT earlier.id, earlier.previous_id, earlier.published_at, depth + 1, seen || earlier.id
    FROM chain JOIN catalog_generation earlier ON earlier.id = chain.previous_id
    WHERE earlier.id <> ALL (seen)
)
SELECT id, coalesce(published_at, now()) FROM chain ORDER BY depth DESC;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0008_attributes_read_safely"),
    ]

    operations = [
        migrations.CreateModel(
            name="Publication",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "undone_at",
                    models.DateTimeField(
                        blank=True, help_text="When a roll back undid it.", null=True
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="publications",
                        to="catalog.generation",
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.RunSQL(ADOPT_CHAIN, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="generation", name="previous"),
    ]
