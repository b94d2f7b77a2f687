"""The vector store in PostgreSQL: an HNSW graph of pgvector over the table of each generation."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from django.conf import settings
from django.db import connection
from psycopg import sql

from catalog.index.search_statement import VectorQuery
from catalog.index.stores.vector_table import (
    GraphSearch,
    VectorTables,
    execute,
    graph_name,
    scan_photos,
)
from catalog.index.vector_store import StoredPhoto
from catalog.models import Generation

GRAPH_LOCKS = 0x5647  # the class of the advisory locks of graph builders; the key is the generation
WAIT_S = 0.2  # between two attempts to take such a lock
MAX_EF_SEARCH = 1000  # the limit of pgvector
MAX_SCANNED = 20_000  # pgvector's hnsw.max_scan_tuples


class PgvectorStore(VectorTables):
    """Searches the graph and scores what it finds in one statement."""

    def build_graph(self, generation: Generation) -> None:
        """The graph is over inner products, which are cosines of unit vectors. The graph of the
        live generation is built CONCURRENTLY; the table of any other is locked, which is faster."""
        with _only_builder(generation):
            valid = _validity(generation)
            if valid:
                return
            how = sql.SQL("CONCURRENTLY" if generation.state == Generation.State.LIVE else "")
            if valid is False:
                execute("DROP INDEX {how} {index}", generation, how=how)
            execute(
                "CREATE INDEX {how} {index} ON {table} USING hnsw (vector halfvec_ip_ops)"
                " WITH (m = {m}, ef_construction = {ef})",
                generation,
                how=how,
                m=sql.Literal(generation.hnsw_m),
                ef=sql.Literal(generation.hnsw_ef_construction),
            )
            execute("ANALYZE {table}", generation)

    def graph_is_valid(self, generation: Generation) -> bool:
        return bool(_validity(generation))

    def name_live(self, generation: Generation) -> None:
        """Does nothing: the row of the generation says it."""

    def nearest_photos(
        self, generation: Generation, vector: np.ndarray, count: int, exact: bool
    ) -> list[StoredPhoto]:
        if exact:
            return super().nearest_photos(generation, vector, count, exact)
        widths = f"SET LOCAL hnsw.ef_search = {settings.HNSW_EF_SEARCH:d}"
        return scan_photos(generation, vector, count, "SET LOCAL enable_seqscan = off", widths)

    def search_graph(self, query: VectorQuery, projected: np.ndarray) -> GraphSearch:
        """Lets the statement search. Under filters pgvector gives up after MAX_SCANNED photos, so
        it sees all of a smaller index. The setting lasts until the transaction ends."""
        generation = query.space.generation
        least = query.width or settings.HNSW_EF_SEARCH
        width = str(max(least, min(query.max_photos, MAX_EF_SEARCH)))
        return GraphSearch(
            sql.Identifier(generation.vector_table),
            ends_complete=generation.images <= MAX_SCANNED,
            setting=sql.SQL(", set_config('hnsw.ef_search', {}, true)").format(sql.Literal(width)),
        )


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
            [f"public.{graph_name(generation)}"],
        )
        row = cursor.fetchone()
    return row[0] if row else None
