"""Processes that share the embedded server: it runs until the last of them has ended."""

import os
import signal
import time
from pathlib import Path

import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.config.embedded_postgres.user_processes import ask, start_python, start_user
from tests.support.processes import wait_until


def test_the_last_user_to_leave_stops_the_server(server: EmbeddedPostgres, top: Path) -> None:
    first, second = start_user(top / "postgres"), start_user(top / "postgres")
    first.communicate()
    assert server.is_running()
    with server.in_use():
        second.communicate()
        assert ask(server, "SELECT 1") == 1
    assert not server.is_running()


@pytest.mark.long
def test_the_server_outlives_its_killed_starter_while_others_use_it(
    server: EmbeddedPostgres, top: Path
) -> None:
    starter = start_user(top / "postgres", start_new_session=True)
    with server.in_use():
        os.killpg(starter.pid, signal.SIGKILL)
        starter.communicate()
        time.sleep(1)
        assert ask(server, "SELECT 1") == 1
    assert not server.is_running()


def test_the_server_stops_when_its_last_user_is_killed(server: EmbeddedPostgres, top: Path) -> None:
    users = [start_user(top / "postgres", start_new_session=True) for _ in range(2)]
    for user in users:
        assert server.is_running()
        os.killpg(user.pid, signal.SIGKILL)
        user.communicate()
    wait_until(lambda: not server.is_running(), 30)
    # Then the next user can start the server.
    with server.in_use():
        assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
@pytest.mark.parametrize("after_s", [0.5, pytest.param(1.0, marks=pytest.mark.long)])
def test_a_start_that_is_interrupted_leaves_no_server(
    server: EmbeddedPostgres, top: Path, how: signal.Signals, after_s: float
) -> None:
    starter = start_python(top / "postgres", "with server.in_use(): time.sleep(0.5)")
    time.sleep(after_s)
    starter.send_signal(how)
    starter.communicate()
    wait_until(lambda: not find_commands(top), 30, every_s=0.1)
    with server.in_use():
        assert ask(server, "SELECT 1") == 1


def find_commands(top: Path) -> list[str]:
    """Returns the commands of all processes that name the folder or work in it, including
    PostgreSQL's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(top) in command or os.readlink(process / "cwd").startswith(str(top)):
                found.append(command)
        except OSError:
            continue
    return found


def test_a_forked_child_of_a_user_holds_no_lock(server: EmbeddedPostgres, top: Path) -> None:
    # Given a user whose forked child, like those of a task queue, outlives it.
    forking = """
reader, writer = os.pipe()
with server.in_use():
    child = os.fork()
    if child == 0:
        os.write(writer, b"-")
        os.close(1), os.close(2)
        time.sleep(60)
        os._exit(0)
    os.read(reader, 1)  # the child runs, so it has let go of what it inherited
print(child, server.is_running())
"""
    user = start_python(top / "postgres", forking)
    child, running = user.communicate()[0].split()
    os.kill(int(child), signal.SIGKILL)  # raises if the child has not outlived its parent

    assert running == "False"
