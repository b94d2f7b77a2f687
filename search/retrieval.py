"""Candidates from the database: near in the graph, scored again on the full vectors, best photo of
each product; for words, also those whose text has them. Several queries are one statement."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db import connection, transaction

from catalog.live_index import LiveIndex
from catalog.nearest import nearest_sql, set_search_options
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
    """`found`: for each query, the products; `complete`: whether there are no more."""

    found: list[list[Candidate]]
    complete: bool


MAX_SCANNED = 20_000  # pgvector's hnsw.max_scan_tuples

TAKEN = "(SELECT count(*) FROM nearest GROUP BY number ORDER BY count(*) DESC LIMIT 1)"
PHOTO = f"""
    SELECT scored.number, {TAKEN}, product.id, scored.similarity, 0, product.price,
           product.created_at
    FROM scored JOIN catalog_product product ON product.id = scored.product_id
"""
WORDS = f"""
    , question AS (
        SELECT (replace(plainto_tsquery('english', %s)::text, '&', '|')::tsquery
            || replace(plainto_tsquery('russian', %s)::text, '&', '|')::tsquery) AS words
    ), named AS (
        SELECT product.id AS product_id, ts_rank(product.search_document, words) AS lexical
        FROM catalog_product product, question
        WHERE product.search_document @@ words AND {{condition}}
        ORDER BY lexical DESC, product.id LIMIT %s
    )
    SELECT coalesce(scored.number, 0), {TAKEN}, product.id, scored.similarity,
           coalesce(named.lexical, 0), product.price, product.created_at
    FROM scored FULL JOIN named USING (product_id)
    JOIN catalog_product product ON product.id = product_id
"""


def retrieve(
    index: LiveIndex, queries: np.ndarray, filters: Filters, words: str, wanted: int
) -> Candidates:
    """The candidates for each query vector (float32, (q, encoder dimensions)) and, where `words`
    are given, which goes with one vector only, for those words. `wanted`: how many photos to take
    from the graph for each."""
    condition, params = filter_sql(filters)
    statement, values = nearest_sql(index, queries, wanted, condition, params)
    if words:
        statement += WORDS.format(condition=condition)
        values += [words, words, *params, wanted]
    else:
        statement += PHOTO
    with transaction.atomic(), connection.cursor() as cursor:
        set_search_options(cursor, wanted)
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    found: list[list[Candidate]] = [[] for _ in queries]
    for number, _, *candidate in rows:
        found[number].append(Candidate(*candidate))
    taken = rows[0][1] or 0 if rows else 0
    # With filters, the graph gives up after so many photos: there may be more that match.
    gave_up = filters != Filters() and index.generation.images > MAX_SCANNED
    return Candidates(found, complete=taken < wanted and not gave_up)
