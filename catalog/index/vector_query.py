"""The search itself, as SQL: near in the graph, scored again on the full vectors, best photo of
each product. Searches and the evaluation on photos ask in the same words."""

from contextlib import nullcontext
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from pgvector import HalfVector

from catalog.index.live_index import IndexSpace
from catalog.index.prepared_sql import rows_of

DETAILS = "category_id, brand, price, created_at, in_stock, popularity"
"""Of a product, which is read anyway to see whether it may be shown."""

MOST_EF_SEARCH = 1000  # that pgvector takes

NEAREST = """
    WITH query AS (
        SELECT * FROM (VALUES {queries}) AS query (number, small, vector)
    ), matching AS MATERIALIZED (
        SELECT product.id AS product_id, {details} FROM catalog_product product
        WHERE {condition} LIMIT {exact_up_to} + 1
    ), matched AS MATERIALIZED (
        SELECT count(*) AS products, set_config('hnsw.ef_search', '{width}', true) FROM matching
    ), nearest AS MATERIALIZED (
        SELECT query.number, query.vector, found.*
        FROM query CROSS JOIN LATERAL (
            (SELECT vector.image_id, vector.vector AS small, product.*
            FROM {table} vector CROSS JOIN LATERAL (
                SELECT product.id AS product_id, {details} FROM catalog_product product
                WHERE product.id = vector.product_id AND {condition} OFFSET 0) product
            WHERE (SELECT products FROM matched) > {exact_up_to}
            ORDER BY vector.vector <#> query.small LIMIT {wanted})
        UNION ALL
            (SELECT vector.image_id, vector.vector AS small, matching.*
            FROM matching CROSS JOIN LATERAL (
                SELECT image_id, vector FROM {table} photo
                WHERE photo.product_id = matching.product_id OFFSET 0) vector
            WHERE (SELECT products FROM matched) <= {exact_up_to}
            ORDER BY (vector.vector <#> query.small) + 0 LIMIT {wanted})
        ) found
    ), scored AS (
        SELECT DISTINCT ON (number, product_id) nearest.*,
            -(embedding.vector <#> nearest.vector) AS similarity
        FROM nearest CROSS JOIN LATERAL (
            SELECT vector FROM catalog_embedding
            WHERE encoder_id = {encoder} AND product_id = nearest.product_id
                AND image_id = nearest.image_id OFFSET 0) embedding
        ORDER BY number, product_id, similarity DESC
    )
"""
# Only one half of the UNION is carried out. Both ask `matched` first, which says how widely the
# graph is searched in this transaction. OFFSET 0 keeps the planner from turning the first half into
# a scan of all that match, and the second into one of all there are; + 0 keeps that from the graph.


def nearest_sql(
    index: IndexSpace,
    queries: np.ndarray,
    wanted: int,
    condition: str = "product.is_visible",
    exact_up_to: int = 0,
) -> tuple[str, list[HalfVector]]:
    """SQL that begins with these tables, and its parameters:

    - `nearest` (number, product_id, image_id, small, DETAILS): for each of `queries`,
      float32 (q, dimensions), by number from 0, the `wanted` photos nearest to it in 128 numbers
      whose `product` fulfils `condition`;
    - `scored` (number, product_id, similarity, small, DETAILS): of each of their products the best
      photo, by its cosine in the index space, and its 128 numbers;
    - `matching` (product_id, DETAILS): the first products that fulfil `condition`, up to one more
      than `exact_up_to`, and `matched` (products), how many these are.

    Where at most `exact_up_to` products fulfil the condition, all of them are compared, else the
    graph is searched."""
    rows = [f"({number}, %s::halfvec, %s::halfvec)" for number in range(len(queries))]
    statement = NEAREST.format(
        queries=", ".join(rows),
        table=connection.ops.quote_name(index.generation.vector_table),
        condition=condition,
        details=DETAILS,
        encoder=index.generation.encoder_id,
        wanted=wanted,
        exact_up_to=exact_up_to,
        width=max(settings.HNSW_EF_SEARCH, min(wanted, MOST_EF_SEARCH)),
    )
    pairs = zip(index.project(queries), queries, strict=True)
    vectors = [HalfVector(vector) for pair in pairs for vector in pair]
    return statement, vectors


def rows_near(statement: str, values: list[Any]) -> list[tuple]:
    """The rows of a statement that begins with `nearest_sql`. Within a transaction, which its
    failure must leave usable, and whose later searches its width must not touch, it has one of its
    own."""
    apart = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with apart:
        return rows_of(statement, values)
