"""The web server as it is run, with its pool of connections: it outlives its database."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.indexing.processes import wait_until
from tests.servers import kill_hard

REPOSITORY = Path(__file__).resolve().parents[2]
THREADS = 8


@pytest.fixture
def site(server: EmbeddedPostgres, top: Path) -> Iterator[str]:
    """The address of gunicorn on an empty shop."""
    server.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": server.url,
        "DATA_DIR": str(top / "data"),
        "PORT": str(port),
        "WEB_THREADS": str(THREADS),
    }
    python = [sys.executable]
    migrate = [*python, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=REPOSITORY, env=environment, check=True)
    gunicorn = [*python, "-m", "gunicorn", "-c", "python:config.web.gunicorn", "config.wsgi"]
    with (top / "log.txt").open("w") as log:
        process = subprocess.Popen(
            gunicorn, cwd=REPOSITORY, env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}/api/v1/"
    try:
        wait_until(lambda: status(f"{address}products/") == 200)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def status(url: str) -> int:
    """0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_the_web_server_says_that_the_database_is_away_and_goes_on_when_it_is_back(
    site: str, server: EmbeddedPostgres
) -> None:
    # Given a connection in every thread.
    def all_at_once() -> set[int]:
        with ThreadPoolExecutor(THREADS) as clients:
            return set(clients.map(status, [f"{site}products/"] * 2 * THREADS))

    assert all_at_once() == {200}

    # When the database dies, every request is told so,
    kill_hard(server)
    assert all_at_once() == {503}

    # and when it is back, no request fails for a connection of before.
    server.start()
    wait_until(lambda: status(f"{site}products/") == 200)
    assert all_at_once() == {200}
