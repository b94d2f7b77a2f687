"""Runs the statements of requests as prepared statements."""

from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg import sql
from psycopg.pq import Format
from psycopg.rows import namedtuple_row

from catalog.index.vectors import register_vectors


def fetch_rows(
    statement: str | sql.Composable, parameters: list[Any] | dict[str, Any]
) -> list[Any]:
    """Returns the rows of a statement, as named tuples of its columns.

    A connection prepares a statement after it has sent it a few times. A few more executions later,
    PostgreSQL plans it once for all `parameters`. If the best plan depends on a value, write that
    value as a literal."""
    with connection.cursor() as cursor:
        raw = register_vectors(connection.connection)
        cursor.cursor = ServerBindingCursor(raw)  # type: ignore[call-arg]
        cursor.cursor.format = Format.BINARY
        cursor.cursor.row_factory = namedtuple_row
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def fetch_search_rows(statement: sql.Composable, parameters: list[Any]) -> list[Any]:
    """Does the same as `fetch_rows` for a statement of a search. If it fails, the caller's
    transaction stays usable."""
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with savepoint:
        return fetch_rows(statement, parameters)
