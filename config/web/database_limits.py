"""Connections of web processes to the database: nobody waits for a server that has stopped
answering. Its own limit on statements does not help then, nor do those of TCP on a unix socket."""

import time
from typing import Any

import psycopg
from django.conf import settings
from psycopg.abc import RV, PQGen

CHECK_S = 2.0
"""For the round trip that checks a connection before it is used."""
CONNECT_S = 2
SLACK_S = 1.0
"""For how long, after its time limit, a statement's error may be under way."""


class WebConnection(psycopg.Connection[Any]):
    """Waits for an answer a little longer than the server may take for it (STATEMENT_TIMEOUT_S; 0:
    for ever). After that the connection is closed, since the answer may still come, and
    OperationalError raised."""

    _checking = False

    def execute(self, query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        """As psycopg's; the empty query is the pool's check."""
        self._checking = query == ""
        try:
            return super().execute(query, *arguments, **options)
        finally:
            self._checking = False

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        statement = settings.STATEMENT_TIMEOUT_S and settings.STATEMENT_TIMEOUT_S + SLACK_S
        limit = timeout or (CHECK_S if self._checking else statement) or None
        began = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if limit is None or time.monotonic() - began < limit:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {limit:g} s") from error
