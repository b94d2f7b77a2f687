"""Starts of the embedded server: first ones, simultaneous ones, and those after a crash."""

import os
import subprocess
import threading
import time
from pathlib import Path

import dj_database_url
import pytest

from config.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.config.embedded_postgres.user_processes import ask, read_postmaster_id, start_python
from tests.support.servers import SMALL, kill_hard


def test_the_first_start_creates_a_database_with_pgvector(
    server: EmbeddedPostgres, top: Path
) -> None:
    url = server.url
    assert not server.is_running()

    assert server.start() is True
    assert server.start() is False
    assert server.is_running()
    assert server.url == url

    ask(server, "CREATE EXTENSION IF NOT EXISTS vector")
    assert ask(server, "SELECT '[1,2,3]'::vector <-> '[3,2,1]'::vector") == pytest.approx(8**0.5)
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW shared_buffers") == "16MB"
    parsed = dj_database_url.parse(url)
    assert (parsed["HOST"], parsed["NAME"]) == (str(top / "postgres/run"), "vitrina")

    server.stop()
    server.stop()
    assert not server.is_running()


def test_three_simultaneous_starts_start_one_server(server: EmbeddedPostgres, top: Path) -> None:
    starters = [start_python(top / "postgres", "print(server.start())") for _ in range(3)]
    said = sorted(starter.communicate()[0].strip() for starter in starters)
    assert said == ["False", "False", "True"]
    assert ask(server, "SELECT 1") == 1


def test_data_survives_a_killed_server(server: EmbeddedPostgres, top: Path) -> None:
    server.start()
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill_hard(server)
    assert server.start() is True
    assert ask(server, "SELECT answer FROM kept") == 42


@pytest.mark.long
def test_start_waits_for_the_backends_of_a_killed_server(
    server: EmbeddedPostgres, top: Path
) -> None:
    server.start()
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    busy = "DO $$ BEGIN WHILE clock_timestamp() < now() + '1.5 s' LOOP END LOOP; END $$"

    worker = threading.Thread(target=ask, args=(server, busy))
    worker.start()
    time.sleep(0.3)
    kill_hard(server)
    began = time.monotonic()
    assert server.start() is True
    assert time.monotonic() - began > 0.7
    worker.join()
    assert ask(server, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize(
    "command",
    ["sleep 60", pytest.param("true", marks=pytest.mark.long)],
    ids=["recycled", "zombie"],
)
def test_a_stale_process_id_does_not_prevent_a_start(
    server: EmbeddedPostgres, top: Path, command: str
) -> None:
    # Given a killed server whose process id an unrelated process or a zombie of its user now has.
    server.start()
    kill_hard(server)
    owner = (top / "postgres").stat()
    become = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(command.split(), cwd="/", **become) as other:
        time.sleep(0.1)  # by now `true` has ended and is a zombie
        for lock in (top / "postgres/data/postmaster.pid", top / "postgres/run/.s.PGSQL.5432.lock"):
            _, *rest = lock.read_text().splitlines()
            lock.write_text("\n".join([str(other.pid), *rest]) + "\n")

        assert not server.is_running()
        server.stop()
        if command != "true":  # poll() would end the zombie
            assert other.poll() is None, "stop() has killed an unrelated process"
        assert server.start() is True
        assert read_postmaster_id(top / "postgres") != other.pid
        other.kill()


def test_leftovers_of_an_interrupted_first_start_are_removed(
    server: EmbeddedPostgres, top: Path
) -> None:
    half = top / "postgres/data.new-half/base"
    half.mkdir(parents=True)
    assert server.start() is True
    assert not half.exists()


def test_a_bad_setting_fails_with_the_end_of_the_log(top: Path) -> None:
    server = EmbeddedPostgres(top / "postgres", {**SMALL, "wal_level": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not start.*DATABASE_URL.*nonsense"):
        server.start()
