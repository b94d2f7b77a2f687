"""Two starts at the same time, and starts with killed processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.config.starts.starts import REPOSITORY, STOP_S, Tree
from tests.support.processes import wait_until

pytestmark = pytest.mark.slow  # runs a first start with the whole demo


@pytest.fixture
def tree(top: Path, long_run: bool) -> Iterator[Tree]:
    tree = Tree(top, compiled=not long_run)
    yield tree
    tree.end_all()


@pytest.mark.long
def test_two_simultaneous_starts_and_killed_processes(tree: Tree) -> None:
    # Given two starts at the same time in an empty folder, one works and the other waits,
    starts = [tree.start(), tree.start()]
    wait_until(lambda: any("waiting until it serves" in start.said() for start in starts))
    waiting, serving = sorted(starts, key=lambda start: "waiting" not in start.said())
    serving.wait_until_it_serves()

    # and fails with a sentence once the first has the port.
    assert waiting.process.wait(60) == 1
    said = waiting.said().splitlines()
    assert len(said) == 2, said
    assert f"Port {tree.port} of 127.0.0.1 cannot be used" in said[1]
    tree.assert_whole()

    # When the main process of the queue or of the web server is killed,
    for name in ("manage.py qcluster", "gunicorn"):
        main = main_process_of(serving.process.pid, name)
        family = main.children(recursive=True)
        assert family
        main.kill()

        # then all its children end with it, and a new process replaces it.
        wait_until(lambda family=family: not any(alive(process) for process in family), 10)
        wait_until(lambda name=name: main_process_of(serving.process.pid, name))
    wait_until(lambda: tree.status() == 200)

    # Commands still work,
    assert "Live: generation 1" in tree.manage("index", "status")

    # and no process is left after a start that is stopped, or killed while it serves.
    assert serving.stop(signal.SIGINT) < STOP_S
    again = tree.start()
    again.wait_until_it_serves()
    assert again.stop(signal.SIGKILL) < STOP_S


def test_a_start_ends_with_its_make(tree: Tree) -> None:
    # Given a start as by the Makefile, which replaces a shell whose parent is make,
    recipe = f"ENDS_WITH=$PPID exec {sys.executable} -m config.run"
    make = f"import subprocess; subprocess.run({recipe!r}, shell=True)"
    process = subprocess.Popen([sys.executable, "-c", make], cwd=REPOSITORY, env=tree.environment)
    wait_until(lambda: any("bin/postgres " in command for command in tree.processes().values()))

    # when make is killed,
    process.kill()
    process.wait()

    # then the start stops too.
    assert tree.wait_until_nothing_runs() < STOP_S


def main_process_of(start: int, name: str) -> psutil.Process | None:
    """Returns the child of a start whose command contains `name`, or None."""
    for process in psutil.Process(start).children():
        if alive(process) and name in " ".join(process.cmdline()):
            return process
    return None


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
