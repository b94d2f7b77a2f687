"""What the Qdrant store asks of Qdrant. A point is a photo, with the id of the photo.

`client_points` asks a server, or the client's own local mode; `edge_points` asks the engine in this
process."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings

from catalog.index.search_statement import Hint
from catalog.index.vector_store import PhotoVector

PRODUCT, CONTENT = "product", "content"  # names in payloads, beside those of attributes
OVERSAMPLING = 2.0  # of the photos that are found by 8 bits, before their vectors are compared
PAGE = 1_000  # points that are read at once


@dataclass(frozen=True)
class GraphShape:
    """The numbers of a collection: of a vector, and of its HNSW graph."""

    dimensions: int
    m: int
    ef_construction: int


class Point(NamedTuple):
    """A photo to write: its id, its vector float (dimensions,), and its payload."""

    image_id: int
    vector: np.ndarray
    payload: Mapping[str, Any]


class FoundPoint(NamedTuple):
    """A photo near a query vector, and their cosine."""

    image_id: int
    product_id: int
    similarity: float


class StoredPoint(NamedTuple):
    """A photo in a collection."""

    image_id: int
    payload: Mapping[str, Any]


class Points(ABC):
    """Collections of points. All methods raise OperationalError if Qdrant does not answer, and
    ProgrammingError if it has no such collection."""

    @abstractmethod
    def create(self, name: str, shape: GraphShape) -> None:
        """Creates an empty collection, without a graph. Does nothing if it exists."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Removes a collection, if it exists."""

    @abstractmethod
    def build(self, name: str, shape: GraphShape) -> None:
        """Builds the graph of a collection, and waits until searches use it. From then on Qdrant
        adds new points to the graph by itself."""

    @abstractmethod
    def is_built(self, name: str) -> bool:
        """Returns whether the collection exists and has its graph."""

    @abstractmethod
    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Writes points, in place of those of the same id. They are found when it returns."""

    @abstractmethod
    def delete(self, name: str, image_ids: Sequence[int]) -> None:
        """Removes these points, if they exist."""

    @abstractmethod
    def search(
        self, name: str, vectors: np.ndarray, count: int, hints: Sequence[Hint]
    ) -> list[list[FoundPoint]]:
        """Returns the `count` points nearest to each vector (q, dimensions) whose payloads fulfil
        all `hints`, the nearest first. Fewer only if there are no more."""

    @abstractmethod
    def pages(self, name: str) -> Iterator[list[StoredPoint]]:
        """Reads all points, up to PAGE at once."""

    @abstractmethod
    def name_live(self, alias: str, name: str) -> None:
        """Lets an alias stand for a collection from now on, where there are aliases."""


@cache
def open_points(url: str) -> Points:
    """Returns the points of a QDRANT_URL: `http://…` or `https://…` of a server, `memory:` for the
    client's local mode in this process, or `edge:FOLDER` for the engine in this process. The last
    two are for tests and benchmarks."""
    parts = urlsplit(url)
    if parts.scheme == "edge":
        from catalog.index.stores.edge_points import EdgePoints

        return EdgePoints(parts.path)
    from catalog.index.stores.client_points import ClientPoints

    return ClientPoints(":memory:" if parts.scheme == "memory" else url)


def make_payload(
    product_id: int, content: str, attributes: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Returns the payload of a photo with this content, from the attributes of products."""
    return {PRODUCT: product_id, CONTENT: content, **attributes.get(product_id, {})}


def make_points(
    photos: Iterable[PhotoVector], attributes: Mapping[int, Mapping[str, Any]]
) -> list[Point]:
    """Returns the points of photos, from the attributes of their products."""
    return [
        Point(
            photo.image_id,
            photo.vector,
            make_payload(photo.product_id, photo.source_hash, attributes),
        )
        for photo in photos
    ]


def collection_width(count: int) -> int:
    """Returns how many points a search of the graph keeps in view (`ef`)."""
    return max(settings.HNSW_EF_SEARCH, count)
