"""Fills a generation's vector table from the embeddings, and keeps it in step with them."""

from collections.abc import Iterator

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.vectors import copy_rows, read_rows
from indexing.embedding.staleness import current_embeddings

READ_AT_ONCE = 2000


def fill_range(space: IndexSpace, first: int, last: int) -> None:
    """Writes the vectors of products `first` to `last` to a table that has no graph yet, in place
    of what an earlier attempt wrote there."""
    in_range = sql.SQL("embedding.product_id BETWEEN {first} AND {last}").format(
        first=sql.Literal(first), last=sql.Literal(last)
    )
    query = current_embeddings(space.generation.encoder_id, in_range)
    with transaction.atomic():
        _execute(
            "DELETE FROM {table} WHERE product_id BETWEEN {first} AND {last}",
            space,
            first=sql.Literal(first),
            last=sql.Literal(last),
        )
        _copy_projected(space, query, space.generation.vector_table)


def sync_products(space: IndexSpace, product_ids: list[int]) -> int:
    """Makes the vectors of these products what their embeddings say: adds, replaces, removes. Only
    rows that differ are written; gives how many. Within the caller's transaction."""
    among = sql.SQL("embedding.product_id = ANY({ids}::bigint[])").format(
        ids=sql.Literal(product_ids)
    )
    wanted = current_embeddings(space.generation.encoder_id, among)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS wanted_vectors")
        cursor.execute(
            "CREATE TEMP TABLE wanted_vectors (product_id bigint, image_id bigint,"
            " source_hash text, vector halfvec) ON COMMIT DROP"
        )
    _copy_projected(space, wanted, "wanted_vectors")
    removed = _execute(
        """
        DELETE FROM {table} old WHERE product_id = ANY({ids}::bigint[]) AND NOT EXISTS (
            SELECT FROM wanted_vectors wanted WHERE wanted.product_id = old.product_id
                AND wanted.image_id = old.image_id)
        """,
        space,
        ids=sql.Literal(product_ids),
    )
    written = _execute(
        """
        INSERT INTO {table} AS old (product_id, image_id, source_hash, vector)
        SELECT product_id, image_id, source_hash, vector FROM wanted_vectors
        ORDER BY product_id, image_id
        ON CONFLICT (product_id, image_id) DO UPDATE
        SET source_hash = excluded.source_hash, vector = excluded.vector
        WHERE old.source_hash <> excluded.source_hash
        """,
        space,
    )
    return removed + written


def _copy_projected(space: IndexSpace, query: sql.Composable, table: str) -> None:
    rows = list(read_rows(query, ["int8", "int8", "text", "halfvec"]))
    copy_rows(
        table,
        ["product_id", "image_id", "source_hash", "vector"],
        ["int8", "int8", "text", "halfvec"],
        _projected(space, rows),
    )


def _projected(space: IndexSpace, rows: list[tuple]) -> Iterator[tuple]:
    for start in range(0, len(rows), READ_AT_ONCE):
        part = rows[start : start + READ_AT_ONCE]
        small = space.project(np.stack([row[3] for row in part]))
        for row, vector in zip(part, small, strict=True):
            yield (*row[:3], vector)


def _execute(statement: str, space: IndexSpace, **parts: sql.Composable) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(table=sql.Identifier(space.generation.vector_table), **parts)
        )
        return cursor.rowcount
