"""Settings of small database servers, and how tests kill them."""

import os
import signal

import psycopg

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import wait_until

SMALL = {"shared_buffers": "16MB", "fsync": "off"}


def kill_hard(server: EmbeddedPostgres) -> None:
    """Kills the postmaster with SIGKILL, so that all backends end as after a power failure."""
    with psycopg.connect(server.url) as connection:
        postmaster = connection.execute(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"
        ).fetchone()
    assert postmaster is not None
    os.kill(postmaster[0], signal.SIGKILL)
    wait_until(lambda: not server.is_running())
