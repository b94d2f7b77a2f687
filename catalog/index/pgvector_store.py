"""The vector store in PostgreSQL: for each generation a table of half-precision vectors, and an
HNSW graph of pgvector over it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from pgvector import HalfVector
from psycopg import sql

from catalog.index.search_statement import (
    DETAILS,
    NEIGHBOURS,
    Statement,
    VectorQuery,
)
from catalog.index.vector_store import PhotoVector, StoredPhoto, VectorStore
from catalog.index.vectors import copy_rows, read_rows
from catalog.models import Generation

GRAPH_LOCKS = 0x5647  # the class of the advisory locks of graph builders; the key is the generation
WAIT_S = 0.2  # between two attempts to take such a lock
DROP_TIMEOUT = "2s"
MAX_EF_SEARCH = 1000  # the limit of pgvector
COLUMNS = ("product_id", "image_id", "source_hash", "vector")
TYPES = ("int8", "int8", "text", "halfvec")


class PgvectorStore(VectorStore):
    """Keeps a table for each generation, because dropping a table is cheap and blocks no query of
    the others."""

    def create(self, generation: Generation) -> None:
        _execute(
            """
            CREATE TABLE IF NOT EXISTS {table} (
                product_id bigint NOT NULL,
                image_id bigint NOT NULL,
                source_hash varchar(32) NOT NULL,
                vector halfvec({dimensions}) NOT NULL,
                PRIMARY KEY (product_id, image_id)
            )
            """,
            generation,
            dimensions=sql.Literal(settings.VECTOR_DIMENSIONS),
        )
        _execute("ALTER TABLE {table} ALTER vector SET STORAGE PLAIN", generation)

    def fill(
        self, generation: Generation, first: int, last: int, photos: Iterable[PhotoVector]
    ) -> None:
        with transaction.atomic():
            _execute(
                "DELETE FROM {table} WHERE product_id BETWEEN {first} AND {last}",
                generation,
                first=sql.Literal(first),
                last=sql.Literal(last),
            )
            copy_rows(generation.vector_table, COLUMNS, TYPES, photos)

    def sync(
        self, generation: Generation, product_ids: Sequence[int], photos: Iterable[PhotoVector]
    ) -> int:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS wanted_vectors")
            cursor.execute(
                "CREATE TEMP TABLE wanted_vectors (product_id bigint, image_id bigint,"
                " source_hash text, vector halfvec) ON COMMIT DROP"
            )
        copy_rows("wanted_vectors", COLUMNS, TYPES, photos)
        removed = _execute(
            """
            DELETE FROM {table} old WHERE product_id = ANY({ids}::bigint[]) AND NOT EXISTS (
                SELECT FROM wanted_vectors wanted WHERE wanted.product_id = old.product_id
                    AND wanted.image_id = old.image_id)
            """,
            generation,
            ids=sql.Literal(list(product_ids)),
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
            generation,
        )
        return removed + written

    def build_graph(self, generation: Generation) -> None:
        """The graph is over inner products, which are cosines of unit vectors. The graph of the
        live generation is built CONCURRENTLY; the table of any other is locked, which is faster."""
        with _only_builder(generation):
            valid = _validity(generation)
            if valid:
                return
            how = sql.SQL("CONCURRENTLY" if generation.state == Generation.State.LIVE else "")
            if valid is False:
                _execute("DROP INDEX {how} {index}", generation, how=how)
            _execute(
                "CREATE INDEX {how} {index} ON {table} USING hnsw (vector halfvec_ip_ops)"
                " WITH (m = {m}, ef_construction = {ef})",
                generation,
                how=how,
                m=sql.Literal(generation.hnsw_m),
                ef=sql.Literal(generation.hnsw_ef_construction),
            )
            _execute("ANALYZE {table}", generation)

    def graph_is_valid(self, generation: Generation) -> bool:
        return bool(_validity(generation))

    def drop(self, generation: Generation) -> None:
        """Waits at most DROP_TIMEOUT, because other searches queue up behind a waiting drop."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{DROP_TIMEOUT}'")
        _execute("DROP TABLE IF EXISTS {table}", generation)

    def contents(self, generation: Generation) -> sql.Composable:
        return sql.SQL("SELECT product_id, image_id, source_hash FROM {}").format(
            sql.Identifier(generation.vector_table)
        )

    def sample(self, generation: Generation, count: int) -> np.ndarray:
        percent = min(100.0, 100.0 * count / max(generation.images, 1))
        query = sql.SQL("SELECT vector FROM {} TABLESAMPLE BERNOULLI ({}) REPEATABLE (7)").format(
            sql.Identifier(generation.vector_table), sql.Literal(percent)
        )
        vectors = [row[0] for row in read_rows(query, ["halfvec"])]
        if not vectors:
            return np.empty((0, settings.VECTOR_DIMENSIONS), np.float32)
        return np.stack(vectors).astype(np.float32)

    def nearest_photos(
        self, generation: Generation, vector: np.ndarray, count: int, exact: bool
    ) -> list[StoredPhoto]:
        statement = sql.SQL(
            "SELECT product_id, image_id, -(vector <#> {vector}::halfvec) FROM {table}"
            " ORDER BY vector <#> {vector}::halfvec LIMIT {count}"
        ).format(
            vector=sql.Literal(HalfVector(vector).to_text()),
            table=sql.Identifier(generation.vector_table),
            count=sql.Literal(count),
        )
        with transaction.atomic(), connection.cursor() as cursor:
            if exact:
                cursor.execute("SET LOCAL enable_indexscan = off")
            else:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"SET LOCAL hnsw.ef_search = {settings.HNSW_EF_SEARCH:d}")
            cursor.execute(statement)
            return [StoredPhoto._make(row) for row in cursor.fetchall()]

    def neighbours(self, query: VectorQuery) -> Statement:
        generation = query.space.generation
        rows = [f"({number}, %s::halfvec, %s::halfvec)" for number in range(len(query.vectors))]
        statement = NEIGHBOURS.format(
            query_rows=sql.SQL(", ".join(rows)),
            details=DETAILS,
            condition=query.condition,
            passing=query.select_passing(sql.SQL("product.id AS product_id, {}").format(DETAILS)),
            exact_up_to=sql.Literal(query.exact_up_to),
            ef_search=sql.Literal(
                str(max(settings.HNSW_EF_SEARCH, min(query.max_photos, MAX_EF_SEARCH)))
            ),
            vectors=sql.Identifier(generation.vector_table),
            max_photos=sql.Literal(query.max_photos),
            encoder=sql.Literal(generation.encoder_id),
        )
        pairs = zip(query.space.project(query.vectors), query.vectors, strict=True)
        return Statement(statement, [HalfVector(vector) for pair in pairs for vector in pair])


@contextmanager
def _only_builder(generation: Generation) -> Iterator[None]:
    """Lets one process at a time build a generation's graph: the build of a killed worker goes on
    in the database until it is done. Polls for the lock, because CREATE INDEX CONCURRENTLY would
    wait for a transaction that waits for it."""
    key = [GRAPH_LOCKS, generation.pk]
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
            if cursor.fetchone()[0]:
                break
            time.sleep(WAIT_S)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _validity(generation: Generation) -> bool | None:
    """Returns whether the generation's HNSW index can be used, or None without an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [f"public.{_index_name(generation)}"],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _index_name(generation: Generation) -> str:
    return f"{generation.vector_table}_graph"


def _execute(statement: str, generation: Generation, **parts: sql.Composable) -> int:
    """Executes a statement on the generation's `{table}` or `{index}`; returns its row count."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(generation.vector_table),
                index=sql.Identifier(_index_name(generation)),
                **parts,
            )
        )
        return cursor.rowcount
