"""The database is killed in the middle of a run, and the run continues where it was."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import Processes, wait_until
from tests.support.servers import kill_hard

pytestmark = pytest.mark.slow  # a server of its own is killed and recovers

PHOTOS = 120


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for this test alone, in a folder that any user of the machine can read."""
    folder = Path(tempfile.mkdtemp(prefix="vitrina-restart-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    yield server
    server.stop()


@contextmanager
def query(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


def value(server: EmbeddedPostgres, statement: str) -> object:
    with query(server) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


@pytest.mark.long
@pytest.mark.parametrize("stage", ["embed", "graph", "publish"])
def test_a_worker_finishes_its_run_after_the_database_was_killed(
    stage: str, server: EmbeddedPostgres, tmp_path: Path, offline_settings: object
) -> None:
    # Given a shop on that server, and a worker in the middle of a stage of its rebuild.
    processes = Processes(
        tmp_path, {"DATABASE_URL": server.url, "MEDIA_ROOT": str(tmp_path / "media")}
    )
    try:
        assert processes.run("migrate", "-v0") == 0, processes.log.read_text()
        assert processes.run("make_shop", str(PHOTOS)) == 0, processes.log.read_text()
        processes.pause({stage: 1.0})
        worker = processes.start("index", "rebuild")
        wait_until(lambda: any(line.startswith(stage) for line in processes.begun()))
        time.sleep(0.2)

        # When the database dies and is started again,
        kill_hard(server)
        time.sleep(1)
        server.start()
        processes.pause({})

        # then the same worker finishes the run, and nothing is lost or duplicated.
        assert worker.wait(120) == 0, processes.log.read_text()
    finally:
        processes.end_all()
    assert value(server, "SELECT state FROM indexing_indexingrun") == "succeeded"
    assert value(server, "SELECT count(*) FROM catalog_embedding") == PHOTOS
    live = value(server, "SELECT id FROM catalog_generation WHERE state = 'live'")
    assert value(server, f"SELECT count(*) FROM catalog_vector_g{live}") == PHOTOS
    assert value(server, "SELECT count(*) FROM indexing_chunk WHERE state <> 'done'") == 0
    assert value(server, "SELECT count(*) FROM catalog_productchange") == 0
