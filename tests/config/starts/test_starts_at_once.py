"""Two starts at once, and starts whose processes are killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.config.starts.starts import REPOSITORY, STOP_S, Tree
from tests.processes import wait_until

pytestmark = pytest.mark.slow  # a first start, with the whole demo


@pytest.fixture
def tree(top: Path) -> Iterator[Tree]:
    tree = Tree(top)
    yield tree
    tree.end_all()


def test_two_starts_at_once_and_then_processes_that_are_killed(tree: Tree) -> None:
    # Given two starts at once on an empty folder: one works, the other waits and says so,
    starts = [tree.start(), tree.start()]
    wait_until(lambda: any("waiting until it serves" in start.said() for start in starts))
    waiting, serving = sorted(starts, key=lambda start: "waiting" not in start.said())
    serving.wait_until_it_serves()

    # and ends with a sentence, once the first has the port.
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

        # then all that it started ends with it, and another one takes its place.
        wait_until(lambda family=family: not any(alive(process) for process in family), 10)
        wait_until(lambda name=name: main_process_of(serving.process.pid, name))
    wait_until(lambda: tree.status() == 200)

    # Commands still work beside it,
    assert "Live: generation 1" in tree.manage("index", "status")

    # and nothing of either is left in the end, nor of a start that is killed while it serves.
    assert serving.stop(signal.SIGINT) < STOP_S
    again = tree.start()
    again.wait_until_it_serves()
    assert again.stop(signal.SIGKILL) < STOP_S


def test_a_start_ends_with_the_make_that_began_it(tree: Tree) -> None:
    # Given a start as the Makefile makes it, in place of a shell whose parent is make,
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
    """The child of a start whose command names it; None while there is none."""
    for process in psutil.Process(start).children():
        if alive(process) and name in " ".join(process.cmdline()):
            return process
    return None


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
