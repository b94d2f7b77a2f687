"""Sums of unit vectors, and binary COPY of vectors in and out of PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from django.db import connection
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql


def combine(parts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Returns the weighted sum of unit vectors, scaled to unit length."""
    total = np.sum([weight * vector for weight, vector in parts], axis=0)
    return np.asarray(total / max(np.linalg.norm(total), 1e-9), np.float32)


def mean_direction(vectors: np.ndarray) -> np.ndarray:
    """Returns the direction of the mean of unit vectors (n, d), a unit vector (d,)."""
    return combine([(1.0, vector) for vector in vectors])


def copy_rows(table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable) -> None:
    """COPYs `rows`, tuples with vectors as numpy arrays, into `table`."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _django_errors(), _cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row([HalfVector(v) if isinstance(v, np.ndarray) else v for v in row])


def read_rows(query: sql.Composable, types: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Streams the rows of `query`, with vectors as numpy arrays. The query has no parameters."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)
    with _django_errors(), _cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in copy.rows():
            yield tuple(v.to_numpy() if isinstance(v, HalfVector) else v for v in row)


def _django_errors() -> Any:
    """Turns psycopg's errors into Django's."""
    return connection.wrap_database_errors


def _cursor() -> Any:
    """Returns a cursor of psycopg on Django's connection, with the vector types registered."""
    connection.ensure_connection()
    return register_vectors(connection.connection).cursor()


def register_vectors(raw: Any) -> Any:
    """Registers the vector types on psycopg's connection, and returns the connection."""
    if not getattr(raw, "_vitrina_vectors", False):
        register_vector(raw)
        raw._vitrina_vectors = True
    return raw
