"""The search itself, as SQL: near in the graph, scored again on the full vectors, best photo of
each product. Searches and the evaluation on photos ask in the same words."""

from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection

from catalog.live_index import StoredSpace
from catalog.vectors import vector_literal

NEAREST = """
    WITH query AS (
        SELECT * FROM unnest(%s::int[], %s::halfvec[], %s::halfvec[])
            AS query (number, small, vector)
    ), nearest AS MATERIALIZED (
        SELECT query.number, query.vector, found.product_id, found.image_id
        FROM query CROSS JOIN LATERAL (
            SELECT vector.product_id, vector.image_id
            FROM {table} vector JOIN catalog_product product ON product.id = vector.product_id
            WHERE {condition}
            ORDER BY vector.vector <#> query.small LIMIT %s
        ) found
    ), scored AS (
        SELECT nearest.number, nearest.product_id,
            max(-(embedding.vector <#> nearest.vector)) AS similarity
        FROM nearest JOIN catalog_embedding embedding ON embedding.encoder_id = %s
            AND embedding.product_id = nearest.product_id
            AND embedding.image_id = nearest.image_id
        GROUP BY nearest.number, nearest.product_id
    )
"""


def nearest_sql(
    index: StoredSpace, queries: np.ndarray, wanted: int, condition: str, params: list[Any]
) -> tuple[str, list[Any]]:
    """SQL that begins with the tables `nearest` (number, product_id, image_id: for each of
    `queries`, float32 (q, dimensions), by number from 0, the `wanted` photos nearest to it in 128
    numbers whose `product` fulfils `condition`) and `scored` (number, product_id, similarity: the
    cosine in the stored space); and its parameters."""
    table = connection.ops.quote_name(index.generation.vector_table)
    small = [vector_literal(vector) for vector in index.project(queries)]
    full = [vector_literal(vector) for vector in queries]
    statement = NEAREST.format(table=table, condition=condition)
    numbers = list(range(len(queries)))
    return statement, [numbers, small, full, *params, wanted, index.generation.encoder_id]


def set_search_options(cursor: Any, wanted: int) -> None:
    """Within a transaction, for this transaction: how far the graph is searched."""
    cursor.execute(
        "SELECT set_config('hnsw.ef_search', %s, true),"
        " set_config('hnsw.iterative_scan', 'relaxed_order', true)",
        [str(max(settings.HNSW_EF_SEARCH, min(wanted, 1000)))],
    )
