"""Unit vectors put together; vectors in and out of PostgreSQL in binary COPY, the fastest way there
is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from django.db import connection
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql


def combine(parts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Weighted sum of unit vectors, at unit length."""
    total = np.sum([weight * vector for weight, vector in parts], axis=0)
    return np.asarray(total / max(np.linalg.norm(total), 1e-9), np.float32)


def mean_direction(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors (n, d) → the unit vector of their mean (d,)."""
    return combine([(1.0, vector) for vector in vectors])


def copy_rows(table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable) -> None:
    """COPYs `rows` (tuples; vectors as numpy arrays) into `table`, which may be a temporary one."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _errors(), _cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row([HalfVector(v) if isinstance(v, np.ndarray) else v for v in row])


def read_rows(query: sql.Composable, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of `query` (no parameters: compose literals), streamed; vectors as numpy arrays."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)
    with _errors(), _cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in copy.rows():
            yield tuple(v.to_numpy() if isinstance(v, HalfVector) else v for v in row)


def _errors() -> Any:
    """psycopg's errors as Django's, as everywhere else."""
    return connection.wrap_database_errors


def _cursor() -> Any:
    """psycopg's own cursor on Django's connection, which knows the vector types."""
    connection.ensure_connection()
    return knowing_vectors(connection.connection).cursor()


def knowing_vectors(raw: Any) -> Any:
    """psycopg's connection, which takes and gives vectors as HalfVector from now on."""
    if not getattr(raw, "_vitrina_vectors", False):
        register_vector(raw)
        raw._vitrina_vectors = True
    return raw
