"""Compares a collection of Qdrant with the table of its generation, and makes it equal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from catalog.index.stores.product_attributes import read_attributes
from catalog.index.stores.qdrant_points import (
    PRODUCT,
    Points,
    StoredPoint,
    make_payload,
    make_points,
)
from catalog.index.vector_store import PhotoVector, Repair
from catalog.index.vectors import read_rows
from catalog.models import Generation

KEYS_PER_BATCH = 500

Key = tuple[int, int]  # the ids of a product and of its photo
ROWS = sql.SQL(
    """SELECT row.product_id, row.image_id, row.source_hash{vector} FROM {table} row
    JOIN unnest({products}::bigint[], {images}::bigint[]) AS wanted (product_id, image_id)
        USING (product_id, image_id)"""
)


@dataclass
class Difference:
    """What differs between a collection and its table: photos that are `missing` in the collection,
    `changed` in content, product or attributes, or `extra`. `compared`: the photos of both."""

    compared: int = 0
    missing: list[Key] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    extra: list[Key] = field(default_factory=list)

    @property
    def repair(self) -> Repair:
        return Repair(self.compared, len(self.missing), len(self.changed), len(self.extra))

    def batches(self) -> Iterator[list[Key]]:
        """Yields all keys, those to remove first: a photo may have got another product."""
        for keys in (self.extra, self.changed, self.missing):
            for start in range(0, len(keys), KEYS_PER_BATCH):
                yield keys[start : start + KEYS_PER_BATCH]


def compare(
    points: Points, name: str, generation: Generation, check: Callable[[], None]
) -> Difference:
    """Reads the whole collection, and the keys of the whole table. Calls `check` for each page."""
    difference, seen = Difference(), set()
    for page in points.pages(name):
        expected = _expected_payloads(generation, page)
        for point in page:
            key = (point.payload.get(PRODUCT, 0), point.image_id)
            if key not in expected:
                difference.extra.append(key)
                continue
            seen.add(point.image_id)
            if expected[key] != point.payload:
                difference.changed.append(key)
        check()
    table = sql.SQL("SELECT product_id, image_id FROM {}").format(
        sql.Identifier(generation.vector_table)
    )
    for product_id, image_id in read_rows(table, ["int8", "int8"]):
        if image_id not in seen:
            difference.missing.append((product_id, image_id))
    difference.compared = len(seen) + len(difference.missing) + len(difference.extra)
    return difference


def mend(points: Points, name: str, generation: Generation, keys: Sequence[Key]) -> None:
    """Makes the collection equal to the table for these photos, as the table is now."""
    rows = [PhotoVector(*row) for row in _read(generation, keys, sql.SQL(", row.vector"))]
    present = {(row.product_id, row.image_id) for row in rows}
    points.delete(name, [key[1] for key in keys if key not in present])
    points.upsert(name, make_points(rows, read_attributes(sorted({p for p, _ in present}))))


def _expected_payloads(
    generation: Generation, page: Sequence[StoredPoint]
) -> dict[Key, Mapping[str, Any]]:
    keys = [(point.payload.get(PRODUCT, 0), point.image_id) for point in page]
    attributes = read_attributes(sorted({product_id for product_id, _ in keys}))
    return {
        (product_id, image_id): make_payload(product_id, content, attributes)
        for product_id, image_id, content in _read(generation, keys, sql.SQL(""))
    }


def _read(generation: Generation, keys: Sequence[Key], vector: sql.Composable) -> list[Any]:
    query = ROWS.format(
        vector=vector,
        table=sql.Identifier(generation.vector_table),
        products=sql.Literal([product_id for product_id, _ in keys]),
        images=sql.Literal([image_id for _, image_id in keys]),
    )
    types = ["int8", "int8", "text"] + (["halfvec"] if vector.as_string() else [])
    return list(read_rows(query, types))
