"""The web server, with its pool of connections, outlives its database."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import REPOSITORY, wait_until
from tests.support.servers import kill_hard
from tests.support.web_servers import web_server

THREADS = 8


@pytest.fixture
def site(server: EmbeddedPostgres, top: Path) -> Iterator[str]:
    """The URL of the API of a web server on an empty shop."""
    server.start()
    environment = {"DATABASE_URL": server.url, "DATA_DIR": str(top / "data")}
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=REPOSITORY, env={**os.environ, **environment}, check=True)
    with web_server(top, **environment, WEB_THREADS=str(THREADS)) as started:
        address = f"http://127.0.0.1:{started.port}/api/v1/"
        wait_until(lambda: status(f"{address}products/") == 200)
        yield address


def status(url: str) -> int:
    """Returns the status of a GET, or 0 without an answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_requests_get_503_while_the_database_is_away_and_succeed_when_it_is_back(
    site: str, server: EmbeddedPostgres
) -> None:
    # Given that every thread has a connection,
    def all_at_once() -> set[int]:
        with ThreadPoolExecutor(THREADS) as clients:
            return set(clients.map(status, [f"{site}products/"] * 2 * THREADS))

    assert all_at_once() == {200}

    # when the database dies, every request gets 503,
    kill_hard(server)
    assert all_at_once() == {503}

    # and when it is back, no request fails because of an old connection.
    server.start()
    wait_until(lambda: status(f"{site}products/") == 200)
    assert all_at_once() == {200}
