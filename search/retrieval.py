"""Candidates from the database: near in the graph, scored again on the full vectors, best photo of
each product; for words, also those whose text has them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from catalog.live_index import LiveIndex
from catalog.vectors import vector_literal
from search.filters import filter_sql
from search.request import Filters


@dataclass(frozen=True)
class Candidate:
    """A product that may be shown. `similarity`: cosine of its best photo and the query, or None
    if only its words matched; `lexical`: how well its words match, 0 if not at all."""

    product_id: int
    similarity: float | None
    lexical: float
    price: Decimal
    created_at: datetime


@dataclass(frozen=True)
class Candidates:
    products: list[Candidate]
    complete: bool


NEAREST = """
    WITH nearest AS MATERIALIZED (
        SELECT vector.product_id, vector.image_id
        FROM {table} vector JOIN catalog_product product ON product.id = vector.product_id
        WHERE {condition}
        ORDER BY vector.vector <#> %s::halfvec LIMIT %s
    ), scored AS (
        SELECT nearest.product_id, max(-(embedding.vector <#> %s::halfvec)) AS similarity
        FROM nearest JOIN catalog_embedding embedding ON embedding.encoder_id = %s
            AND embedding.product_id = nearest.product_id
            AND embedding.image_id = nearest.image_id
        GROUP BY nearest.product_id
    )
"""
PHOTO = """
    SELECT product.id, scored.similarity, 0, product.price, product.created_at,
           (SELECT count(*) FROM nearest)
    FROM scored JOIN catalog_product product ON product.id = scored.product_id
"""
WORDS = """
    , question AS (
        SELECT (replace(plainto_tsquery('english', %s)::text, '&', '|')::tsquery
            || replace(plainto_tsquery('russian', %s)::text, '&', '|')::tsquery) AS words
    ), named AS (
        SELECT product.id AS product_id, ts_rank(product.search_document, words) AS lexical
        FROM catalog_product product, question
        WHERE product.search_document @@ words AND {condition}
        ORDER BY lexical DESC, product.id LIMIT %s
    )
    SELECT product.id, scored.similarity, coalesce(named.lexical, 0), product.price,
           product.created_at, (SELECT count(*) FROM nearest)
    FROM scored FULL JOIN named USING (product_id)
    JOIN catalog_product product ON product.id = product_id
"""


def retrieve(
    index: LiveIndex, query: np.ndarray, filters: Filters, words: str, wanted: int
) -> Candidates:
    """The candidates for a query vector (float32, encoder dimensions) and, where `words` are given,
    for those words. `wanted`: how many photos to take from the graph."""
    condition, params = filter_sql(filters)
    table = connection.ops.quote_name(index.generation.vector_table)
    small = vector_literal(index.project(query[None])[0])
    statement = NEAREST.format(table=table, condition=condition)
    values = [*params, small, wanted, vector_literal(query), index.generation.encoder_id]
    if words:
        statement += WORDS.format(condition=condition)
        values += [words, words, *params, wanted]
    else:
        statement += PHOTO
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hnsw.ef_search', %s, true),"
            " set_config('hnsw.iterative_scan', 'relaxed_order', true)",
            [str(max(settings.HNSW_EF_SEARCH, min(wanted, 1000)))],
        )
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    taken = rows[0][5] if rows else 0
    return Candidates([Candidate(*row[:5]) for row in rows], complete=taken < wanted)
