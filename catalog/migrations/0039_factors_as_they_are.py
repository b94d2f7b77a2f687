"""Factors are stored without the number that made them unit vectors (docs/decisions/0047). Builds
the graphs of the models anew: about a minute for 50,000 products."""

from typing import Any

from django.db import migrations

# As catalog/index/factor_store.py builds a graph.
AS_THEY_ARE = """
    DROP INDEX IF EXISTS {table}_graph;
    ALTER TABLE {table} ALTER factor TYPE halfvec({size}) USING
        (subvector(factor::vector, 1, {size}) * array_fill({longest}::real, ARRAY[{size}])::vector);
    CREATE INDEX {table}_graph ON {table} USING hnsw (factor halfvec_ip_ops)
        WITH (m = 32, ef_construction = 100);
    ANALYZE {table};
"""


def store_as_they_are(apps: Any, schema_editor: Any) -> None:
    models = apps.get_model("catalog", "FactorModel").objects.only("pk", "dimensions", "longest")
    with schema_editor.connection.cursor() as cursor:
        for model in models:
            table = f"catalog_factor_m{model.pk}"
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0] is not None:
                values = {"size": model.dimensions, "longest": model.longest}
                cursor.execute(AS_THEY_ARE.format(table=table, **values))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0038_popular_and_new_products")]

    operations = [migrations.RunPython(store_as_they_are, migrations.RunPython.noop)]
