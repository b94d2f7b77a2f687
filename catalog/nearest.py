"""The search itself, as SQL: near in the graph, scored again on the full vectors, best photo of
each product. Searches and the evaluation on photos ask in the same words."""

from contextlib import nullcontext
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from catalog.live_index import StoredSpace
from catalog.vectors import vector_literal

DETAILS = "category_id, brand, price, created_at, in_stock, popularity"
"""Of a product, which is read anyway to see whether it may be shown."""

MOST_EF_SEARCH = 1000  # that pgvector takes

NEAREST = """
    WITH query AS (
        SELECT * FROM unnest(%s::int[], %s::halfvec[], %s::halfvec[])
            AS query (number, small, vector)
    ), matching AS MATERIALIZED (
        SELECT product.id AS product_id, {details} FROM catalog_product product
        WHERE {condition} LIMIT %s
    ), matched AS MATERIALIZED (
        SELECT count(*) AS products, set_config('hnsw.ef_search', %s, true) FROM matching
    ), nearest AS MATERIALIZED (
        SELECT query.number, query.vector, found.*
        FROM query CROSS JOIN LATERAL (
            (SELECT vector.image_id, vector.vector AS small, product.*
            FROM {table} vector CROSS JOIN LATERAL (
                SELECT product.id AS product_id, {details} FROM catalog_product product
                WHERE product.id = vector.product_id AND {condition} OFFSET 0) product
            WHERE (SELECT products FROM matched) > %s
            ORDER BY vector.vector <#> query.small LIMIT %s)
        UNION ALL
            (SELECT vector.image_id, vector.vector AS small, matching.*
            FROM matching CROSS JOIN LATERAL (
                SELECT image_id, vector FROM {table} photo
                WHERE photo.product_id = matching.product_id OFFSET 0) vector
            WHERE (SELECT products FROM matched) <= %s
            ORDER BY (vector.vector <#> query.small) + 0 LIMIT %s)
        ) found
    ), scored AS (
        SELECT DISTINCT ON (number, product_id) nearest.*,
            -(embedding.vector <#> nearest.vector) AS similarity
        FROM nearest CROSS JOIN LATERAL (
            SELECT vector FROM catalog_embedding
            WHERE encoder_id = %s AND product_id = nearest.product_id
                AND image_id = nearest.image_id OFFSET 0) embedding
        ORDER BY number, product_id, similarity DESC
    )
"""
# Only one half of the UNION is carried out. Both ask `matched` first, which says how widely the
# graph is searched in this transaction. OFFSET 0 keeps the planner from turning the first half into
# a scan of all that match, and the second into one of all there are; + 0 keeps that from the graph.


def nearest_sql(
    index: StoredSpace,
    queries: np.ndarray,
    wanted: int,
    condition: str,
    params: list[Any],
    exact_up_to: int = 0,
) -> tuple[str, list[Any]]:
    """SQL that begins with these tables, and its parameters:

    - `nearest` (number, product_id, image_id, small, DETAILS): for each of `queries`,
      float32 (q, dimensions), by number from 0, the `wanted` photos nearest to it in 128 numbers
      whose `product` fulfils `condition`;
    - `scored` (number, product_id, similarity, small, DETAILS): of each of their products the best
      photo, by its cosine in the stored space, and its 128 numbers;
    - `matching` (product_id, DETAILS): the first products that fulfil `condition`, up to one more
      than `exact_up_to`, and `matched` (products), how many these are.

    Where at most `exact_up_to` products fulfil the condition, all of them are compared, else the
    graph is searched."""
    table = connection.ops.quote_name(index.generation.vector_table)
    small = [vector_literal(vector) for vector in index.project(queries)]
    full = [vector_literal(vector) for vector in queries]
    statement = NEAREST.format(table=table, condition=condition, details=DETAILS)
    numbers = list(range(len(queries)))
    width = max(settings.HNSW_EF_SEARCH, min(wanted, MOST_EF_SEARCH))
    counted = [*params, exact_up_to + 1, str(width)]
    graph = [*params, exact_up_to, wanted]
    exact = [exact_up_to, wanted]
    encoder = index.generation.encoder_id
    return statement, [numbers, small, full, *counted, *graph, *exact, encoder]


def rows_of(statement: str, values: list[Any]) -> list[tuple]:
    """The rows of a statement; within a transaction, which its failure must leave usable, and whose
    later searches its width must not touch, in another."""
    apart = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with apart, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
