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
    ), matching AS MATERIALIZED (
        SELECT product.id AS product_id FROM catalog_product product
        WHERE {condition} LIMIT %s
    ), matched AS MATERIALIZED (
        SELECT count(*) AS products FROM matching
    ), nearest AS MATERIALIZED (
        SELECT query.number, query.vector, found.*
        FROM query CROSS JOIN LATERAL (
            (SELECT vector.product_id, vector.image_id, vector.vector AS small
            FROM {table} vector
            WHERE (SELECT products FROM matched) > %s AND EXISTS (
                SELECT FROM catalog_product product
                WHERE product.id = vector.product_id AND {condition} OFFSET 0)
            ORDER BY vector.vector <#> query.small LIMIT %s)
        UNION ALL
            (SELECT matching.product_id, vector.image_id, vector.vector AS small
            FROM matching CROSS JOIN LATERAL (
                SELECT image_id, vector FROM {table} photo
                WHERE photo.product_id = matching.product_id OFFSET 0) vector
            WHERE (SELECT products FROM matched) <= %s
            ORDER BY (vector.vector <#> query.small) + 0 LIMIT %s)
        ) found
    ), scored AS (
        SELECT DISTINCT ON (number, product_id) nearest.number, nearest.product_id, nearest.small,
            -(embedding.vector <#> nearest.vector) AS similarity
        FROM nearest CROSS JOIN LATERAL (
            SELECT vector FROM catalog_embedding
            WHERE encoder_id = %s AND product_id = nearest.product_id
                AND image_id = nearest.image_id OFFSET 0) embedding
        ORDER BY number, product_id, similarity DESC
    )
"""
# Only one half of the UNION is carried out. OFFSET 0 keeps the planner from turning the first into
# a scan of all that match, and the second into one of all there are; + 0 keeps that from the graph.


def nearest_sql(
    index: StoredSpace,
    queries: np.ndarray,
    wanted: int,
    condition: str,
    params: list[Any],
    exact_up_to: int = 0,
) -> tuple[str, list[Any]]:
    """SQL that begins with the tables `nearest` (number, product_id, image_id, small: for each of
    `queries`, float32 (q, dimensions), by number from 0, the `wanted` photos nearest to it in 128
    numbers whose `product` fulfils `condition`) and `scored` (number, product_id, similarity: the
    cosine in the stored space, small: the 128 numbers of the product's best photo); and its
    parameters. Where at most `exact_up_to` products fulfil the condition, which is counted, all of
    them are compared, else the graph is searched. `matching` (product_id) are the first of those
    that fulfil it, up to one more than that, and `matched` (products) is how many these are."""
    table = connection.ops.quote_name(index.generation.vector_table)
    small = [vector_literal(vector) for vector in index.project(queries)]
    full = [vector_literal(vector) for vector in queries]
    statement = NEAREST.format(table=table, condition=condition)
    numbers = list(range(len(queries)))
    counted = [*params, exact_up_to + 1]
    graph = [exact_up_to, *params, wanted]
    exact = [exact_up_to, wanted]
    encoder = index.generation.encoder_id
    return statement, [numbers, small, full, *counted, *graph, *exact, encoder]


def set_search_options(cursor: Any, wanted: int) -> None:
    """Within a transaction, for this transaction: how far the graph is searched; further than
    connections are set up for (DATABASES in the settings) where more is wanted."""
    cursor.execute(
        "SELECT set_config('hnsw.ef_search', %s, true),"
        " set_config('hnsw.iterative_scan', 'relaxed_order', true)",
        [str(max(settings.HNSW_EF_SEARCH, min(wanted, 1000)))],
    )
