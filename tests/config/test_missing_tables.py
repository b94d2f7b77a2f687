"""Commands on a database without tables say what to do."""

import os
import subprocess
import sys

import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import REPOSITORY


def run_command(server: EmbeddedPostgres, *command: str) -> tuple[int, str]:
    """Runs `manage.py`. Returns its exit status and what it printed as errors."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": server.url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


@pytest.mark.long
def test_a_command_without_tables_asks_for_migrate_in_one_line(server: EmbeddedPostgres) -> None:
    server.start()

    for command in (["index", "status"], ["api_keys", "list"], ["qcluster"]):
        assert run_command(server, *command) == (1, "CommandError: Run manage.py migrate first.\n")

    assert run_command(server, "migrate", "-v0") == (0, "")
    assert run_command(server, "api_keys", "list") == (0, "")
