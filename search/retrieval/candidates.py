"""The candidates of a search: the nearest products that pass the filters and, for words, those
whose text has them, with the facets over them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from django.core.cache import caches

from catalog.index.live_index import LiveIndex
from catalog.index.match_margin import MIN_PRODUCTS, Neighbourhood, measure_neighbourhood
from catalog.index.prepared_sql import fetch_search_rows
from catalog.index.search_statement import VectorQuery, add_candidates
from catalog.index.vector_store import vector_store
from catalog.models.product import content_hash
from search.filters.declared import filter_condition
from search.request import Filters
from search.retrieval.facets import facets_sql


class Candidate(NamedTuple):
    """A product that may be shown, named as the columns of the search statement.

    `similarity`: the cosine of its best photo and the query, or None if only its words matched;
    `lexical`: how well its words match, 0 if they do not; `clicks`: how often it is opened when it
    is shown, 0 to 1, None if that is not known; `tags`: ids; `projected`: the projected vector of
    its best photo in PostgreSQL's binary form."""

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
    projected: bytes | None = None


@dataclass(frozen=True)
class Candidates:
    """`found`: the products for each query; `complete`: whether the search considered everything
    that matches; `exhausted`: whether a deeper search would find nothing more; `facets`: the value
    of `facets_sql`."""

    found: list[list[Candidate]]
    complete: bool
    exhausted: bool
    facets: dict[str, Any] | None = field(default=None, repr=False)


MAX_SCANNED = 20_000  # pgvector's hnsw.max_scan_tuples
GRAPH_COST = 2.5  # of a photo that the graph visits, in photos compared one by one
UNLIMITED = 2**31 - 2  # products, so that all that pass the filters are compared
BROAD_KEPT_S = 60  # how long filters are remembered that too many products pass to compare
NEIGHBOURHOOD_PHOTOS = 100  # enough for the products that a neighbourhood is measured from

candidate_columns = attrgetter(*Candidate._fields)


def retrieve(
    index: LiveIndex,
    queries: np.ndarray,
    filters: Filters,
    words: str,
    wanted: int,
    without: int | None = None,
) -> Candidates:
    """Retrieves the candidates for each query vector, float32 (q, dimensions of the index space),
    from its `wanted` nearest photos, and those for `words`, which go with a single vector. Leaves
    out the product `without`."""
    condition = filter_condition(filters, without)
    query = VectorQuery(index, queries, wanted, condition)
    if filters == Filters():
        return _search(query, words)
    limit = exact_search_limit(index.generation.images, wanted)
    passed_by_many = f"{index.generation.pk}: over {limit} pass {condition.as_string()}"
    key = content_hash(passed_by_many.encode())
    broad = caches["default"].get(key, False)
    candidates = _search(replace(query, exact_up_to=0 if broad else limit), words)
    if candidates.complete:
        return candidates
    if not broad:
        caches["default"].set(key, True, BROAD_KEPT_S)
    if candidates.exhausted:  # the graph gave up before it found enough
        return _search(replace(query, exact_up_to=UNLIMITED), words)
    return candidates


def measure_neighbourhoods(
    index: LiveIndex, queries: np.ndarray, filters: Filters, candidates: Candidates
) -> list[Neighbourhood | None]:
    """Measures the neighbourhood of each query vector among all products, whether or not they pass
    the filters. Without filters these are the candidates. Returns None for each in a catalogue of
    fewer than MIN_PRODUCTS."""
    if index.generation.products < MIN_PRODUCTS:
        return [None for _ in queries]
    if filters == Filters():
        near = [
            [c.similarity for c in found if c.similarity is not None] for found in candidates.found
        ]
    else:
        near = [[] for _ in queries]
        for product in vector_store().nearest(VectorQuery(index, queries, NEIGHBOURHOOD_PHOTOS)):
            near[product.number].append(product.similarity)
    return [measure_neighbourhood(similarities) for similarities in near]


def exact_search_limit(images: int, wanted: int) -> int:
    """Up to how many products that pass the filters it is cheaper to compare them all than to
    search the graph.

    Of n products that pass, n are compared; the graph visits wanted · images / n photos, each
    GRAPH_COST times as expensive. Both cost the same at n = √(GRAPH_COST · wanted · images)."""
    return math.isqrt(math.ceil(GRAPH_COST * wanted * images))


def _search(query: VectorQuery, words: str) -> Candidates:
    neighbours = vector_store().neighbours(query)
    statement = add_candidates(neighbours, query, words, facets_sql("described"))
    rows = fetch_search_rows(*statement)
    found: list[list[Candidate]] = [[] for _ in query.vectors]
    for row in rows:
        if row.number is not None:
            found[row.number].append(Candidate._make(candidate_columns(row)))
    first = rows[0]
    exhausted = (first.photos or 0) < query.wanted
    # With filters, pgvector gives up after MAX_SCANNED photos. In a smaller index it sees all.
    small = query.space.generation.images <= MAX_SCANNED
    complete = first.passing <= query.exact_up_to or (exhausted and small)
    return Candidates(
        found, complete, exhausted, json.loads(first.facets) if first.facets else None
    )
