"""Rows of statements that are asked again and again while somebody waits."""

from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import Format

from catalog.vectors import knowing_vectors


def rows_of(statement: str, values: list[Any]) -> list[tuple]:
    """The rows of a statement. After a few times on a connection the server knows it, and after a
    few more plans it once for all `values`: what the best plan depends on should stand in the
    statement. Within a transaction, which a failure must leave usable, and whose later searches its
    settings must not touch, it has one of its own."""
    apart = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with apart, connection.cursor() as cursor:
        known = knowing_vectors(connection.connection)
        cursor.cursor = ServerBindingCursor(known)  # type: ignore[call-arg]
        cursor.cursor.format = Format.BINARY
        cursor.execute(statement, values)
        return cursor.fetchall()
