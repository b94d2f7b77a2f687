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
from catalog.index.search_statement import COMPARE_ALL, VectorQuery, add_candidates
from catalog.index.vector_store import vector_store
from catalog.index.word_statement import WordQuery
from catalog.models.product import content_hash
from search.filters.declared import faceted_filters, filter_condition
from search.request import Filters
from search.retrieval.facets import facets_sql, read_facets


class Candidate(NamedTuple):
    """A product that may become a result. The fields are columns of the search statement.

    `similarity`: the cosine of the product's best photo and the query, or None if only its words
    matched and it has no photo; `lexical`: how many of the words its texts have, plus their rank,
    below 1; 0 if they do not match; `clicks`: the click rate, 0 to 1, or None if it is unknown;
    `tags`: ids; `projected`: the projected vector of the best photo in PostgreSQL's binary form;
    `is_named`: whether the words are its sku or title; `fits`: whether it fits the words."""

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
    is_named: bool = False
    fits: bool = True


@dataclass(frozen=True)
class Candidates:
    """The candidates of a search. `by_query`: the products for each query vector; `complete`:
    whether the search compared all products that match; `exhausted`: whether a deeper search would
    find no more products; `passing`: the number of products that pass the filters, if all of these
    match and were counted; `facets`: the value of `facets_sql`."""

    by_query: list[list[Candidate]]
    complete: bool
    exhausted: bool
    passing: int | None = None
    facets: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def is_all(self) -> bool:
        """Whether these are all candidates that there are."""
        return self.complete and self.exhausted


GRAPH_COST = 2.5  # of a photo that the graph visits; comparing one photo costs 1
BROAD_FILTER_TTL_S = 60  # how long the cache remembers that too many products pass a filter
NEIGHBOURHOOD_PHOTOS = 100  # enough for the products that a neighbourhood is measured from

candidate_columns = attrgetter(*Candidate._fields)


def retrieve(
    index: LiveIndex,
    queries: np.ndarray,
    filters: Filters,
    words: WordQuery | None,
    max_photos: int,
    left_out: Sequence[int] = (),
) -> Candidates:
    """Retrieves the candidates for each query vector, float32 (q, dimensions of the index space),
    from its `max_photos` nearest photos, and the candidates for `words`, without the products
    `left_out`.

    If few products pass the filters, all of them are compared. Otherwise the graph is searched. If
    it ends before it has found enough photos, all products that pass are compared as well."""
    condition = filter_condition(filters, left_out)
    query = VectorQuery(
        index,
        queries,
        max_photos,
        condition.test,
        cases=condition.cases,
        hints=condition.hints,
    )
    limit = exact_search_limit(index.generation.images, max_photos)
    if filters == Filters():
        # In a small catalogue all products are counted, so facets are as exact as with filters.
        is_small = index.generation.products <= limit
        return _search(replace(query, exact_up_to=limit if is_small else 0), words, filters)
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


def count_facets(
    index: LiveIndex,
    queries: np.ndarray,
    filters: Filters,
    words: WordQuery | None,
    max_photos: int,
    left_out: Sequence[int],
    candidates: Candidates,
) -> dict[str, Any]:
    """Returns the facets of the public contract. `candidates` pass all `filters`. The values of one
    filter are alternatives, so the facet of a filter that is on counts as if that filter were off.
    Each such filter costs one more search."""
    counted = dict(candidates.facets or {})
    for declared in faceted_filters():
        others = {n: value for n, value in filters.items() if n not in declared.parameters}
        if len(others) < len(filters):
            without = Filters(**others)
            found = retrieve(index, queries, without, words, max_photos, left_out)
            counted[declared.name] = (found.facets or {}).get(declared.name)
    return read_facets(counted)


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


def _search(query: VectorQuery, words: WordQuery | None, filters: Filters) -> Candidates:
    neighbours = vector_store().neighbours(query)
    statement = add_candidates(neighbours, query, words, facets_sql("described", filters))
    rows = fetch_search_rows(*statement)
    by_query: list[list[Candidate]] = [[] for _ in query.vectors]
    for row in rows:
        if row.number is not None:
            by_query[row.number].append(Candidate._make(candidate_columns(row)))
    first = rows[0]
    # Photos are found in the order of their likeness: after one that is unlike, no other fits.
    looks_end = bool(words and words.is_alone and first.unlike)
    words_end = not words or first.named < query.max_photos
    exhausted = (looks_end or first.exhausted) and words_end
    complete = (looks_end or first.compared_all) and words_end
    facets = json.loads(first.facets) if first.facets else None
    counted = not words and first.passing <= query.exact_up_to
    passing = first.passing if counted else None
    return Candidates(by_query, complete, exhausted, passing, facets)
