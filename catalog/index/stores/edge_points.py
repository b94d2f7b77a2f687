"""Points in the engine of Qdrant itself, in this process (`qdrant-edge-py`). Each collection is a
shard in a folder, which one process at a time can open. For tests and benchmarks."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, cast

import numpy as np
import qdrant_edge as edge
from django.db import ProgrammingError

from catalog.index.search_statement import Hint
from catalog.index.stores.product_attributes import INTEGERS, KEYWORDS
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

IS_BUILT = "is_built"  # a file beside the shard
FULL_SCAN_KB = 10_000  # Qdrant's default: fewer vectors that pass are compared without the graph


class EdgePoints(Points):
    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._shards: dict[str, Any] = {}
        self._opening = RLock()

    def create(self, name: str, shape: GraphShape) -> None:
        with self._opening:
            if (self.folder / name).exists():
                return
            shard = self.folder / name / "shard"
            shard.mkdir(parents=True)
            self._shards[name] = edge.EdgeShard.create(str(shard), _configure(shape))
            for field in INTEGERS:
                self._update(name, _index(field, edge.PayloadSchemaType.Integer))
            for field in KEYWORDS:
                self._update(name, _index(field, edge.PayloadSchemaType.Keyword))

    def drop(self, name: str) -> None:
        with self._opening:
            if shard := self._shards.pop(name, None):
                shard.close()
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def build(self, name: str, shape: GraphShape) -> None:
        self._open(name).optimize()
        self._open(name).flush()
        (self.folder / name / IS_BUILT).touch()

    def is_built(self, name: str) -> bool:
        return (self.folder / name / IS_BUILT).exists()

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        if points:
            rows = [edge.Point(p.image_id, p.vector.tolist(), dict(p.payload)) for p in points]
            self._update(name, edge.UpdateOperation.upsert_points(rows))

    def delete(self, name: str, image_ids: Sequence[int]) -> None:
        if image_ids:
            self._update(name, edge.UpdateOperation.delete_points(list(image_ids)))

    def search(
        self, name: str, vectors: np.ndarray, count: int, hints: Sequence[Hint]
    ) -> list[list[FoundPoint]]:
        requests = [
            edge.QueryRequest(
                limit=count,
                query=edge.Query.Nearest(vector.tolist()),
                filter=_filter_by(hints),
                params=edge.SearchParams(
                    hnsw_ef=collection_width(count),
                    quantization=edge.QuantizationSearchParams(
                        rescore=True, oversampling=OVERSAMPLING
                    ),
                ),
                with_payload=[PRODUCT],
            )
            for vector in vectors
        ]
        answers = self._open(name).query_batch(edge.QueryBatchRequest(requests))
        return [
            [FoundPoint(point.id, point.payload[PRODUCT], point.score) for point in answer]
            for answer in answers
        ]

    def pages(self, name: str) -> Iterator[list[StoredPoint]]:
        offset: Any = None
        while True:
            request = edge.ScrollRequest(offset=offset, limit=PAGE, with_payload=True)
            records, offset = self._open(name).scroll(request)
            yield [StoredPoint(record.id, record.payload or {}) for record in records]
            if offset is None:
                return

    def name_live(self, alias: str, name: str) -> None:
        """Does nothing: there are no aliases."""

    def _update(self, name: str, operation: Any) -> None:
        self._open(name).update(operation)

    def _open(self, name: str) -> Any:
        with self._opening:
            if name not in self._shards:
                shard = self.folder / name / "shard"
                if not shard.exists():
                    raise ProgrammingError(f"There is no collection {name} in {self.folder}.")
                self._shards[name] = edge.EdgeShard.load(str(shard))
            return self._shards[name]


def _configure(shape: GraphShape) -> Any:
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(
            size=shape.dimensions,
            distance=edge.Distance.Dot,
            datatype=edge.VectorStorageDatatype.Float16,
        ),
        hnsw_config=edge.HnswIndexConfig(shape.m, shape.ef_construction, FULL_SCAN_KB),
        quantization_config=edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8, quantile=0.99, always_ram=True
        ),
    )


def _index(field: str, kind: Any) -> Any:
    return edge.UpdateOperation.create_field_index(field, kind)


def _filter_by(hints: Sequence[Hint]) -> Any:
    if not hints:
        return None
    return edge.Filter(
        must=[
            edge.FieldCondition(hint.attribute, match=edge.MatchAny(cast(Any, list(hint.values))))
            for hint in hints
        ]
    )
