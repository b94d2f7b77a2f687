"""Database connections of web processes, which do not wait for a server that has stopped answering.
Such a server does not enforce its own statement timeout, and a unix socket has no TCP timeouts."""

import time
from typing import Any

import psycopg
from django.conf import settings
from psycopg.abc import RV, PQGen

CHECK_TIMEOUT_S = 2.0
"""Limits the round trip that checks a connection before its use."""
CONNECT_TIMEOUT_S = 2
STATEMENT_SLACK_S = 1.0
"""Time for the error of a statement to arrive after the statement's own timeout."""


class WebConnection(psycopg.Connection[Any]):
    """A connection that waits for an answer for STATEMENT_TIMEOUT_S seconds and a little longer (0:
    for ever). Then it closes itself, as the answer may still come, and raises OperationalError."""

    _checking = False

    def execute(self, query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        """Does what psycopg does. The empty query is the pool's check of the connection."""
        self._checking = query == ""
        try:
            return super().execute(query, *arguments, **options)
        finally:
            self._checking = False

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        statement = (
            settings.STATEMENT_TIMEOUT_S and settings.STATEMENT_TIMEOUT_S + STATEMENT_SLACK_S
        )
        limit = timeout or (CHECK_TIMEOUT_S if self._checking else statement) or None
        began = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if limit is None or time.monotonic() - began < limit:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {limit:g} s") from error
