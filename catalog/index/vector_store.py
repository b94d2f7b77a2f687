"""The interface of vector stores, which keep and search the vectors of generations.

`indexing` writes vectors through `vector_store()`; searches and measurements read through it. The
nearest photos come from the store. What is true of them comes from PostgreSQL at every answer:
visibility, price, stock, tags, the cosines of the full vectors, and the facets.

To add a store, write another VectorStore in `catalog/index/stores/` and add it to STORES: the tests
of tests/catalog/index/stores then run against it too.

The vectors of a store are projected embeddings (`IndexSpace.project`): unit length,
VECTOR_DIMENSIONS numbers. A store may keep them in half precision. Similarities are cosines.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from psycopg import sql

from catalog.index.prepared_sql import fetch_search_rows
from catalog.index.search_statement import (
    NEAREST_PHOTOS,
    NEAREST_PRODUCTS,
    Statement,
    VectorQuery,
)
from catalog.models import Generation

STORES = {
    "pgvector": "catalog.index.stores.pgvector_store.PgvectorStore",
    "qdrant": "catalog.index.stores.qdrant_store.QdrantStore",
}


class PhotoVector(NamedTuple):
    """The vector of a photo, float (VECTOR_DIMENSIONS,). `source_hash`: the photo's content."""

    product_id: int
    image_id: int
    source_hash: str
    vector: np.ndarray


class StoredPhoto(NamedTuple):
    """A photo in a store, and its cosine with a projected vector."""

    product_id: int
    image_id: int
    similarity: float


class NearestProduct(NamedTuple):
    """A product near the query vector of this number: its best photo, and the cosine of the two in
    the index space."""

    number: int
    product_id: int
    image_id: int
    similarity: float


class ScoredPhoto(NamedTuple):
    """A photo near the query vector of this number, and the cosines of the two in the index space
    and after the projection."""

    number: int
    product_id: int
    image_id: int
    similarity: float
    projected_similarity: float


class Repair(NamedTuple):
    """What a repair has mended: photos that were missing, changed or extra outside of PostgreSQL.
    `compared`: the number of photos."""

    compared: int = 0
    missing: int = 0
    changed: int = 0
    extra: int = 0


def no_check() -> None:
    """Does nothing, in place of a check whether to go on."""


class VectorStore(ABC):
    """Keeps the vectors of generations, each generation apart from the others.

    A caller's iterable of photos must not query the database while it is consumed: the store may
    be copying over the same connection."""

    @abstractmethod
    def create(self, generation: Generation) -> None:
        """Creates the empty store of a generation, without a graph. Does nothing if it exists."""

    @abstractmethod
    def fill(
        self, generation: Generation, first: int, last: int, photos: Iterable[PhotoVector]
    ) -> None:
        """Replaces the vectors of products `first` to `last` by these, before the graph is built.
        Repeating a call changes nothing. Raises DataError for a vector of other dimensions."""

    @abstractmethod
    def sync(
        self, generation: Generation, product_ids: Sequence[int], photos: Iterable[PhotoVector]
    ) -> int:
        """Makes `photos` the only vectors of these products; returns how many vectors it added,
        replaced or removed. A vector of the same photo and content stays as it is. Runs within the
        caller's transaction. Raises DataError for a vector of other dimensions."""

    @abstractmethod
    def build_graph(self, generation: Generation) -> None:
        """Builds the generation's graph, and replaces one that a crash left unusable. Does nothing
        if there is a usable one. Searches and writes of the live generation go on meanwhile. Runs
        outside a transaction."""

    @abstractmethod
    def graph_is_valid(self, generation: Generation) -> bool:
        """Returns whether the generation has a graph that can be searched."""

    def needs_repair(self, generation: Generation) -> bool:
        """Returns whether `repair` may have something to do."""
        return not self.graph_is_valid(generation)

    def repair(self, generation: Generation, check: Callable[[], None] = no_check) -> Repair:
        """Makes what the store keeps outside of PostgreSQL equal to `contents`, and builds the
        graph if it is missing. Calls `check` between its steps. Searches and writes go on
        meanwhile. Runs outside a transaction."""
        self.build_graph(generation)
        return Repair()

    @abstractmethod
    def name_live(self, generation: Generation) -> None:
        """Notes which generation is live, for operators, when the caller's transaction is
        committed. Searches do not depend on it."""

    @abstractmethod
    def drop(self, generation: Generation) -> None:
        """Removes a generation's vectors and graph, if there are any. Runs within a transaction.
        Raises OperationalError if searches go on reading them for more than two seconds."""

    @abstractmethod
    def contents(self, generation: Generation) -> sql.Composable:
        """Returns a query of `product_id`, `image_id` and `source_hash` of all photos that the
        generation has vectors of."""

    @abstractmethod
    def sample(self, generation: Generation, count: int) -> np.ndarray:
        """Returns about `count` vectors of the generation, or all if there are fewer: float32 (n,
        VECTOR_DIMENSIONS). The sample is the same as long as the vectors stay the same."""

    @abstractmethod
    def nearest_photos(
        self, generation: Generation, vector: np.ndarray, count: int, exact: bool
    ) -> list[StoredPhoto]:
        """Returns the `count` photos nearest to a projected vector (VECTOR_DIMENSIONS,), the
        nearest first. Compares all vectors if `exact`, else searches the graph. For
        measurements."""

    @abstractmethod
    def neighbours(self, query: VectorQuery) -> Statement:
        """Returns SQL that begins with WITH and defines these tables:

        - `nearest` (number, product_id, image_id, projected, DETAILS): for each query vector, by
          number from 0, its `max_photos` nearest photos, with their projected vectors;
        - `scored_photos` (the same, similarity): these photos with their cosines with the query
          vector in the index space;
        - `scored` (the same): the best of `scored_photos` for each product;
        - `passing` (product_id, DETAILS): the first products that fulfil the condition, up to one
          more than `exact_up_to`, and `passing_count` (products), their number;
        - `ended` (exhausted, compared_all), one row: whether a deeper search would find no more
          photos, and whether all photos of products that fulfil the condition were compared.

        Run it with `fetch_search_rows`. Raises ValueError for query vectors that are not of the
        index space's dimensions."""

    def nearest(self, query: VectorQuery) -> list[NearestProduct]:
        """Returns the products near each query vector, the nearest first."""
        text, parameters = self.neighbours(query)
        rows = fetch_search_rows(text + NEAREST_PRODUCTS, parameters)
        return [NearestProduct._make(row) for row in rows]

    def score_photos(self, query: VectorQuery) -> list[ScoredPhoto]:
        """Returns all photos near each query vector, the nearest first. For measurements."""
        text, parameters = self.neighbours(query)
        rows = fetch_search_rows(text + NEAREST_PHOTOS, parameters)
        return [ScoredPhoto._make(row) for row in rows]


def vector_store() -> VectorStore:
    """Returns the store of this installation, which VECTOR_STORE names."""
    return store_named(settings.VECTOR_STORE)


@cache
def store_named(name: str) -> VectorStore:
    """Returns the store with this name, a key of STORES."""
    return import_string(STORES[name])()
