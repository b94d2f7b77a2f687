"""The vector table of a generation: its own, so that dropping it is cheap and blocks nobody."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from psycopg import sql

from catalog.models import Generation

BUILDING = 0x5647  # the class of the locks of graph builders; the other half is the generation
WAIT_S = 0.2


def create_vector_table(generation: Generation) -> None:
    """Table of (product_id, image_id, source_hash, vector) without its graph, which is built when
    it is full. Does nothing where it exists."""
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


def build_graph(generation: Generation) -> None:
    """Builds the HNSW index over inner products of unit vectors, and replaces one that a crash
    left invalid. Does nothing where a valid one is. While it is built, the live generation goes on
    being searched and written; any other is locked, which is faster. Outside a transaction."""
    with _only_builder(generation):
        valid = graph_is_valid(generation)
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


@contextmanager
def _only_builder(generation: Generation) -> Iterator[None]:
    """One builder of a graph at a time: that of a killed worker goes on in the database until it is
    done. Asked for now and then: CREATE INDEX CONCURRENTLY would wait for whoever waits there."""
    key = [BUILDING, generation.pk]
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


def graph_is_valid(generation: Generation) -> bool | None:
    """Whether the generation's HNSW index can be used; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [f"public.{_index_name(generation)}"],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def drop_vector_table(generation: Generation) -> None:
    """Within a transaction. Waits at most two seconds for searches that still read the table, and
    raises OperationalError then: nobody is to queue up behind the drop."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
    _execute("DROP TABLE IF EXISTS {table}", generation)


def _index_name(generation: Generation) -> str:
    return f"{generation.vector_table}_graph"


def _execute(statement: str, generation: Generation, **parts: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(generation.vector_table),
                index=sql.Identifier(_index_name(generation)),
                **parts,
            )
        )
