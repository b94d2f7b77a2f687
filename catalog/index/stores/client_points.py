"""Points through `qdrant-client`: on a server, or in the client's local mode, which compares all
points in this process and is for tests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from django.conf import settings
from django.db import OperationalError, ProgrammingError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from catalog.index.search_statement import Hint
from catalog.index.stores import qdrant_server
from catalog.index.stores.qdrant_points import (
    OVERSAMPLING,
    PAGE,
    PRODUCT,
    FoundPoint,
    GraphShape,
    Point,
    Points,
    StoredPoint,
    collection_width,
)

LOCAL = ":memory:"
POINTS_PER_REQUEST = 500  # of about 3 kilobytes each
IS_BUILT = "is_built"  # in the metadata of a collection
TIMEOUT_S = 60  # where STATEMENT_TIMEOUT_S sets no limit


class ClientPoints(Points):
    def __init__(self, location: str) -> None:
        self.is_local = location == LOCAL
        if self.is_local:
            self.client = QdrantClient(LOCAL)
            return
        timeout = round(settings.STATEMENT_TIMEOUT_S) or TIMEOUT_S
        self.client = QdrantClient(
            url=location,
            api_key=settings.QDRANT_API_KEY or None,
            timeout=timeout,
            check_compatibility=False,  # it would ask at the start, when the server may be away
        )

    def create(self, name: str, shape: GraphShape) -> None:
        with _django_errors():
            if self.client.collection_exists(name):
                return
            vectors = models.VectorParams(
                size=shape.dimensions,
                distance=models.Distance.DOT,
                datatype=models.Datatype.FLOAT16,
            )
            if self.is_local:
                self.client.create_collection(name, vectors, metadata={IS_BUILT: False})
            else:
                qdrant_server.create_collection(self.client, name, vectors, {IS_BUILT: False})

    def drop(self, name: str) -> None:
        with _django_errors():
            if self.client.collection_exists(name):
                self.client.delete_collection(name)

    def build(self, name: str, shape: GraphShape) -> None:
        with _django_errors():
            if not self.is_local:
                qdrant_server.build_graph(self.client, name, shape)
            self.client.update_collection(name, metadata={IS_BUILT: True})

    def is_built(self, name: str) -> bool:
        with _django_errors():
            if not self.client.collection_exists(name):
                return False
            metadata = self.client.get_collection(name).config.metadata or {}
        return bool(metadata.get(IS_BUILT))

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        upcoming = iter(points)
        while part := list(islice(upcoming, POINTS_PER_REQUEST)):
            structs = [
                models.PointStruct(
                    id=point.image_id, vector=point.vector.tolist(), payload=dict(point.payload)
                )
                for point in part
            ]
            with _django_errors():
                self.client.upsert(name, structs, wait=True)

    def delete(self, name: str, image_ids: Sequence[int]) -> None:
        if image_ids:
            with _django_errors():
                ids = models.PointIdsList(points=list(image_ids))
                self.client.delete(name, ids, wait=True)

    def search(
        self, name: str, vectors: np.ndarray, count: int, hints: Sequence[Hint]
    ) -> list[list[FoundPoint]]:
        params: models.SearchParams | None = models.SearchParams(
            hnsw_ef=collection_width(count),
            quantization=models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING),
        )
        if self.is_local:
            params = None  # it compares all points
        requests = [
            models.QueryRequest(
                query=vector.tolist(),
                limit=count,
                filter=_filter_by(hints),
                params=params,
                with_payload=[PRODUCT],
            )
            for vector in vectors
        ]
        with _django_errors():
            answers = self.client.query_batch_points(name, requests)
        return [
            [
                FoundPoint(int(point.id), (point.payload or {})[PRODUCT], point.score)
                for point in answer.points
            ]
            for answer in answers
        ]

    def pages(self, name: str) -> Iterator[list[StoredPoint]]:
        offset: Any = None
        while True:
            with _django_errors():
                records, offset = self.client.scroll(name, limit=PAGE, offset=offset)
            yield [StoredPoint(int(record.id), record.payload or {}) for record in records]
            if offset is None:
                return

    def name_live(self, alias: str, name: str) -> None:
        with _django_errors():
            qdrant_server.point_alias(self.client, alias, name)


def _filter_by(hints: Sequence[Hint]) -> models.Filter | None:
    if not hints:
        return None
    return models.Filter(
        must=[
            models.FieldCondition(key=hint.attribute, match=models.MatchAny(any=list(hint.values)))
            for hint in hints
        ]
    )


@contextmanager
def _django_errors() -> Iterator[None]:
    """Turns the client's errors into Django's."""
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code == 404:
            raise ProgrammingError(f"Qdrant has no such collection: {error}") from error
        raise OperationalError(f"Qdrant answers {error.status_code}: {error}") from error
    except (ApiException, ResponseHandlingException) as error:
        raise OperationalError(f"Qdrant cannot be reached: {error}") from error
    except ValueError as error:  # of the local mode
        if "not found" not in str(error):
            raise
        raise ProgrammingError(str(error)) from error
