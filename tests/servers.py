"""Database servers that tests start and kill."""

import os
import signal

import psycopg

from config.embedded_postgres import EmbeddedPostgres
from tests.processes import wait_until

SMALL = {"shared_buffers": "16MB", "fsync": "off"}


def kill_hard(server: EmbeddedPostgres) -> None:
    """kill -9 of the postmaster and all its backends, as when the machine loses power."""
    with psycopg.connect(server.url) as connection:
        postmaster = connection.execute(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"
        ).fetchone()
    assert postmaster is not None
    os.kill(postmaster[0], signal.SIGKILL)
    wait_until(lambda: not server.is_running())
