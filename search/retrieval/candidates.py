"""Retrieves the candidates of a search: the nearest products that pass the filters and, for words,
the products whose text contains them. The same statement counts the facets."""

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
from catalog.index.match import Neighbourhood, measure_neighbourhood
from catalog.index.prepared_sql import fetch_search_rows
from catalog.index.search_statement import VectorQuery, add_candidates
from catalog.index.vector_store import vector_store
from catalog.models.product import content_hash
from search.filters.declared import filter_condition
from search.request import Filters
from search.retrieval.facets import facets_sql


class Candidate(NamedTuple):
    """A product that may become a result. The fields are columns of the search statement.

    `similarity`: the cosine of the product's best photo and the query, or None if only its words
    matched; `lexical`: the rank of its text for the words, 0 if they do not match; `clicks`: the
    click rate, 0 to 1, or None if it is unknown; `tags`: ids; `projected`: the projected vector of
    the best photo in PostgreSQL's binary form."""

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
    """The candidates of a search. `by_query`: the products for each query vector; `complete`:
    whether the search compared all products that match; `exhausted`: whether a deeper search would
    find no more products; `facets`: the value of `facets_sql`."""

    by_query: list[list[Candidate]]
    complete: bool
    exhausted: bool
    facets: dict[str, Any] | None = field(default=None, repr=False)


MAX_SCANNED = 20_000  # pgvector's hnsw.max_scan_tuples
GRAPH_COST = 2.5  # of a photo that the graph visits; comparing one photo costs 1
COMPARE_ALL = 2**31 - 2  # for `exact_up_to`: compares all products that pass the filters
BROAD_FILTER_TTL_S = 60  # how long the cache remembers that too many products pass a filter
NEIGHBOURHOOD_PHOTOS = 100  # enough for the products that a neighbourhood is measured from

candidate_columns = attrgetter(*Candidate._fields)


def retrieve(
    index: LiveIndex,
    queries: np.ndarray,
    filters: Filters,
    words: str,
    max_photos: int,
    excluded_product: int | None = None,
) -> Candidates:
    """Retrieves the candidates for each query vector, float32 (q, dimensions of the index space),
    from its `max_photos` nearest photos, and the candidates for `words`, which require a single
    vector. Leaves out the product with the id `excluded_product`.

    If few products pass the filters, all of them are compared. Otherwise the graph is searched. If
    it ends before it has found enough photos, all products that pass are compared as well."""
    condition = filter_condition(filters, excluded_product)
    query = VectorQuery(index, queries, max_photos, condition.test, cases=condition.cases)
    if filters == Filters():
        return _search(query, words, filters)
    limit = exact_search_limit(index.generation.images, max_photos)
    broad_filter = f"{index.generation.pk}: over {limit} pass {condition.test.as_string()}"
    key = content_hash(broad_filter.encode())
    is_broad = caches["default"].get(key, False)
    candidates = _search(replace(query, exact_up_to=0 if is_broad else limit), words, filters)
    if candidates.complete:
        return candidates
    if not is_broad:
        caches["default"].set(key, True, BROAD_FILTER_TTL_S)
    if candidates.exhausted:
        return _search(replace(query, exact_up_to=COMPARE_ALL), words, filters)
    return candidates


def measure_neighbourhoods(
    index: LiveIndex, queries: np.ndarray, filters: Filters, candidates: Candidates
) -> list[Neighbourhood | None]:
    """Measures the neighbourhood of each query vector among all visible products. Without filters,
    the candidates are these products. Returns None for a query without any product."""
    if filters == Filters():
        similarities = [
            [c.similarity for c in found if c.similarity is not None]
            for found in candidates.by_query
        ]
    else:
        similarities = [[] for _ in queries]
        for product in vector_store().nearest(VectorQuery(index, queries, NEIGHBOURHOOD_PHOTOS)):
            similarities[product.number].append(product.similarity)
    return [
        measure_neighbourhood(of_query, query, index.generation.nothing)
        for of_query, query in zip(similarities, queries, strict=True)
    ]


def exact_search_limit(images: int, max_photos: int) -> int:
    """Returns the number of products up to which comparing them all is cheaper than searching the
    graph.

    If n products pass the filters, an exact search compares n. A graph search visits
    max_photos · images / n photos, each GRAPH_COST times as expensive. Both cost the same at
    n = √(GRAPH_COST · max_photos · images)."""
    return math.isqrt(math.ceil(GRAPH_COST * max_photos * images))


def _search(query: VectorQuery, words: str, filters: Filters) -> Candidates:
    neighbours = vector_store().neighbours(query)
    statement = add_candidates(neighbours, query, words, facets_sql("described", filters))
    rows = fetch_search_rows(*statement)
    by_query: list[list[Candidate]] = [[] for _ in query.vectors]
    for row in rows:
        if row.number is not None:
            by_query[row.number].append(Candidate._make(candidate_columns(row)))
    first = rows[0]
    exhausted = (first.photos or 0) < query.max_photos
    # With filters, pgvector gives up after MAX_SCANNED photos. In a smaller index it sees all.
    sees_all = query.space.generation.images <= MAX_SCANNED
    complete = first.passing <= query.exact_up_to or (exhausted and sees_all)
    facets = json.loads(first.facets) if first.facets else None
    return Candidates(by_query, complete, exhausted, facets)
