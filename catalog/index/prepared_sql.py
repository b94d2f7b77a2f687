"""Rows of statements that are asked again and again while somebody waits."""

from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import Format

from catalog.index.vectors import knowing_vectors


def rows_of(statement: str, values: list[Any]) -> list[tuple]:
    """The rows of a statement. After a few times on a connection the server knows it, and after a
    few more plans it once for all `values`: what the best plan depends on should stand in the
    statement."""
    with connection.cursor() as cursor:
        known = knowing_vectors(connection.connection)
        cursor.cursor = ServerBindingCursor(known)  # type: ignore[call-arg]
        cursor.cursor.format = Format.BINARY
        cursor.execute(statement, values)
        return cursor.fetchall()
