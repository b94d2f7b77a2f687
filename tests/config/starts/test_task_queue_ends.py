"""The task queue ends when it is told to, and when the process that started it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import REPOSITORY, wait_until
from tests.support.servers import kill_hard

WORKING = """
import django; django.setup()
from indexing.pipeline.rebuild import start_rebuild
from indexing.tasks import enqueue_run
from tests.indexing.shop import add_products
add_products(range(20))
enqueue_run(start_rebuild("histogram"))
"""


@pytest.fixture
def environment(server: EmbeddedPostgres, top: Path) -> dict[str, str]:
    """The environment of a migrated shop on a server of its own."""
    server.start()
    (top / "pauses.json").write_text('{"embed": 10}')
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": server.url,
        "DATA_DIR": str(top / "data"),
        "LABELLED_PHOTOS": "",
        "ENCODER": "histogram",
        "TEST_PAUSES": str(top / "pauses.json"),
        "TEST_JOURNAL": str(top / "journal.txt"),
    }
    for command in (["manage.py", "migrate", "-v0"], ["-c", WORKING]):
        subprocess.run([sys.executable, *command], cwd=REPOSITORY, env=environment, check=True)
    return environment


@pytest.fixture
def queue(environment: dict[str, str], top: Path) -> Iterator[psutil.Process]:
    """A task queue, with all its processes, that is working on a chunk."""
    with (top / "queue.log").open("w") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "tests.support.offline_process", "qcluster"],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    journal = top / "journal.txt"
    wait_until(lambda: journal.exists() and "embed 0" in journal.read_text())
    family = process.children(recursive=True)
    assert len(family) == 5  # sentinel, two workers, pusher, monitor
    yield process
    for member in (process, *family):
        if alive(member):
            member.kill()
    process.wait()


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.long
def test_the_queue_stops_within_ten_seconds_while_a_worker_waits_for_the_database(
    queue: psutil.Process, server: EmbeddedPostgres, top: Path
) -> None:
    # Given that the database has gone, for which workers wait for ten minutes,
    family = queue.children(recursive=True)
    kill_hard(server)
    wait_until(lambda: "the database is not available" in (top / "queue.log").read_text())

    # when the queue is told to stop,
    queue.terminate()

    # then it stops.
    assert queue.wait(10) == 0, (top / "queue.log").read_text()
    assert not [member for member in family if alive(member)]


@pytest.mark.long
@pytest.mark.parametrize("which", ["main", "sentinel"])
def test_the_processes_of_the_queue_end_with_their_parent(
    queue: psutil.Process, which: str
) -> None:
    family = queue.children(recursive=True)
    [sentinel] = queue.children()

    (queue if which == "main" else sentinel).kill()

    wait_until(lambda: not [member for member in family if alive(member)], 10)
    # A main process without its sentinel ends too, so that its parent can restart it.
    assert queue.wait(10) == (-signal.SIGKILL if which == "main" else 1)


@pytest.mark.long
def test_the_queue_stops_within_ten_seconds_with_a_frozen_sentinel(queue: psutil.Process) -> None:
    family = queue.children(recursive=True)
    [sentinel] = queue.children()
    sentinel.suspend()

    queue.terminate()

    assert queue.wait(10) == 0
    assert not [member for member in family if alive(member)]
