"""Candidates from the database, in one statement: near in the graph or, where few products pass the
filters, the nearest of all that do; scored again on the full vectors, best photo of each product;
for words, also those whose text has them. With them, the facets of what matched."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.core.cache import caches

from catalog.index.live_index import LiveIndex
from catalog.index.match_margin import MIN_PRODUCTS, Neighbourhood, neighbourhood_of
from catalog.index.vector_query import DETAILS, nearest_sql, rows_near
from catalog.models.product import content_hash
from search.request import Filters
from search.retrieval.facets import facets_sql
from search.retrieval.filters import filter_condition


class Candidate(NamedTuple):
    """A product that may be shown. `similarity`: cosine of its best photo and the query, or None
    if only its words matched; `lexical`: how well its words match, 0 if not at all; `clicks`: how
    often it is opened where it is shown, 0 to 1, None if not known; `tags`: ids; `small`: the 128
    numbers of its best photo as PostgreSQL sends them."""

    product_id: int
    similarity: float | None
    lexical: float
    price: Decimal
    created_at: datetime
    in_stock: bool = True
    popularity: int = 0
    category_id: int | None = None
    clicks: float | None = None
    tags: Sequence[int] = ()
    small: bytes | None = None


@dataclass(frozen=True)
class Candidates:
    """`found`: for each query, the products; `complete`: whether everything that matches was
    considered; `exhausted`: whether there is no more to be found; `facets`: by `facets_sql`."""

    found: list[list[Candidate]]
    complete: bool
    exhausted: bool
    facets: dict[str, Any] | None = field(default=None, repr=False)


MAX_SCANNED = 20_000  # pgvector's hnsw.max_scan_tuples
GRAPH_COST = 2.5  # of a photo that the graph visits, in photos compared one by one
NO_LIMIT = 2**31 - 2
COUNT_KEPT_S = 60  # of a filter that lets too much through to compare it all
FACETS_COUNTED = 5_000  # products at most
NEIGHBOURHOOD_PHOTOS = 100  # photos, of enough products to say what is ordinary near a query

FOUND = f"""
    , found AS (
        SELECT number, similarity, small, product_id, {DETAILS}, 0::real AS lexical FROM scored
    )
"""
FOUND_WITH_WORDS = f"""
    , question AS (
        SELECT (replace(plainto_tsquery('english', %s)::text, '&', '|')::tsquery
            || replace(plainto_tsquery('russian', %s)::text, '&', '|')::tsquery) AS words
    ), named AS (
        SELECT product.id AS product_id, {DETAILS},
            ts_rank(product.search_document, words) AS lexical
        FROM catalog_product product, question
        WHERE product.search_document @@ words AND {{condition}}
        ORDER BY lexical DESC, product.id LIMIT {{wanted}}
    ), found AS (
        SELECT 0 AS number, similarity, small, product_id, {DETAILS}, 0::real AS lexical
        FROM scored WHERE product_id NOT IN (SELECT product_id FROM named)
    UNION ALL
        SELECT 0, scored.similarity, scored.small, named.*
        FROM named LEFT JOIN scored USING (product_id)
    )
"""
SHOWN = f"""
    , product AS MATERIALIZED (
        SELECT chosen.*, ARRAY(
            SELECT tag_id FROM catalog_producttag given
            WHERE given.product_id = chosen.product_id) AS tags
        FROM (
            SELECT product_id, {DETAILS} FROM found
            UNION SELECT product_id, {DETAILS} FROM matching
            WHERE (SELECT products FROM matched) <= least({{limit}}, {FACETS_COUNTED})
        ) chosen
    )
    SELECT matched.products,
        (SELECT count(*) FROM nearest GROUP BY number ORDER BY count(*) DESC LIMIT 1),
        CASE row_number() OVER () WHEN 1 THEN {{facets}}::text END,
        found.number, product_id, found.similarity, found.lexical, product.price,
        product.created_at, product.in_stock, product.popularity, product.category_id,
        (SELECT rate FROM catalog_clickrate click WHERE click.product_id = found.product_id),
        product.tags, halfvec_send(found.small)
    FROM matched LEFT JOIN (found JOIN product USING (product_id)) ON true
"""
"""One row at least: where nothing was found, that has the counts alone."""


def retrieve(
    index: LiveIndex,
    queries: np.ndarray,
    filters: Filters,
    words: str,
    wanted: int,
    without: int | None = None,
) -> Candidates:
    """The candidates for each query vector (float32, (q, encoder dimensions)) and, where `words`
    are given, which goes with one vector only, for those words; the product `without` is none.
    `wanted`: how many photos to take for each."""
    condition = filter_condition(filters, without).as_string()
    if filters == Filters():
        return _ask(index, queries, condition, words, wanted, 0)
    limit = compared_up_to(index.generation.images, wanted)
    broad = content_hash(f"{index.generation.pk}: over {limit} pass {condition}".encode())
    known = caches["default"].get(broad, False)
    candidates = _ask(index, queries, condition, words, wanted, 0 if known else limit)
    if candidates.complete:
        return candidates
    if not known:
        caches["default"].set(broad, True, COUNT_KEPT_S)
    if candidates.exhausted:
        return _ask(index, queries, condition, words, wanted, NO_LIMIT)
    return candidates


def neighbourhoods_of(
    index: LiveIndex, queries: np.ndarray, filters: Filters, candidates: Candidates
) -> list[Neighbourhood | None]:
    """What the cosines of the products nearest to each query are like, whatever the filters. Where
    there are no filters, the candidates are these products. None in a catalogue of fewer than
    MIN_PRODUCTS."""
    if index.generation.products < MIN_PRODUCTS:
        return [None for _ in queries]
    if filters == Filters():
        near = [
            [c.similarity for c in found if c.similarity is not None] for found in candidates.found
        ]
    else:
        near = [[] for _ in queries]
        statement, values = nearest_sql(index, queries, NEIGHBOURHOOD_PHOTOS)
        for number, similarity in rows_near(
            f"{statement} SELECT number, similarity FROM scored", values
        ):
            near[number].append(similarity)
    return [neighbourhood_of(similarities) for similarities in near]


def compared_up_to(images: int, wanted: int) -> int:
    """How many products may pass the filters for comparing them all to be cheaper than the graph.

    Of n products that pass, n are compared; the graph has to visit wanted · images / n photos,
    each GRAPH_COST times as dear. Equal at n = √(GRAPH_COST · wanted · images)."""
    return math.isqrt(math.ceil(GRAPH_COST * wanted * images))


def _ask(
    index: LiveIndex,
    queries: np.ndarray,
    condition: str,
    words: str,
    wanted: int,
    limit: int,
) -> Candidates:
    statement, values = nearest_sql(index, queries, wanted, condition, limit)
    if words:
        statement += FOUND_WITH_WORDS.format(condition=condition, wanted=wanted)
        values += [words, words]
    else:
        statement += FOUND
    rows = rows_near(
        statement + SHOWN.format(limit=limit, facets=facets_sql("product").as_string()), values
    )
    found: list[list[Candidate]] = [[] for _ in queries]
    matched, taken, facets = rows[0][:3]
    for _, _, _, number, *candidate in rows:
        if number is not None:
            found[number].append(Candidate(*candidate))
    exhausted = (taken or 0) < wanted
    # Filtering, pgvector gives up after MAX_SCANNED photos.
    complete = matched <= limit or (exhausted and index.generation.images <= MAX_SCANNED)
    return Candidates(found, complete, exhausted, json.loads(facets) if facets else None)
