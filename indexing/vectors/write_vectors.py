"""Projects the current embeddings and writes them to the vector store."""

from collections.abc import Iterator

import numpy as np
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.vector_store import PhotoVector, vector_store
from catalog.index.vectors import read_rows
from indexing.embedding.staleness import indexed_embeddings

PROJECTION_BATCH_SIZE = 2000  # embeddings


def fill_range(space: IndexSpace, first: int, last: int) -> None:
    """Writes the vectors of products `first` to `last`, and replaces those of an earlier attempt.
    The generation has no graph yet."""
    in_range = sql.SQL("embedding.product_id BETWEEN {first} AND {last}").format(
        first=sql.Literal(first), last=sql.Literal(last)
    )
    vector_store().fill(space.generation, first, last, _read_projected(space, in_range))


def sync_products(space: IndexSpace, product_ids: list[int]) -> int:
    """Brings the vectors of these products up to date with their embeddings. Returns the number of
    vectors added, replaced or removed. Runs within the caller's transaction."""
    among = sql.SQL("embedding.product_id = ANY({ids}::bigint[])").format(
        ids=sql.Literal(product_ids)
    )
    return vector_store().sync(space.generation, product_ids, _read_projected(space, among))


def _read_projected(space: IndexSpace, condition: sql.Composable) -> Iterator[PhotoVector]:
    """Returns the projected current embeddings, of equal photos of a product only one. Reads all of
    them before it returns, because a connection cannot COPY in both directions at once."""
    query = indexed_embeddings(space.generation.encoder_id, condition) + sql.SQL(" ORDER BY 1, 2")
    return _project(space, list(read_rows(query, ["int8", "int8", "text", "halfvec"])))


def _project(space: IndexSpace, rows: list[tuple]) -> Iterator[PhotoVector]:
    for start in range(0, len(rows), PROJECTION_BATCH_SIZE):
        part = rows[start : start + PROJECTION_BATCH_SIZE]
        projected = space.project(np.stack([row[3] for row in part]))
        for row, vector in zip(part, projected, strict=True):
            yield PhotoVector(row[0], row[1], row[2], vector)
