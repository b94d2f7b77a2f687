"""How the processes of `pytest -n` share the machine: the order of test files, the tests that run
alone, and the locks."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling


class FilesInOrder(LoadScopeScheduling):
    """Hands out test files in the order of the collection, each to one process.

    pytest-django puts tests that empty the database behind those that only read it. Therefore a
    file with tests of both kinds is handed out in two parts."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)  # type: ignore[arg-type]
        self._parts: dict[str, str] = {}

    def schedule(self) -> None:
        if not self._parts:
            collection = next(iter(self.registered_collections.values()))
            for number, (file, tests) in enumerate(groupby(collection, key=file_of)):
                self._parts |= dict.fromkeys(tests, f"{number} {file}")
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._parts[nodeid]


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def is_worker(config: pytest.Config) -> bool:
    """Returns whether this is one of several processes that run the tests."""
    return hasattr(config, "workerinput")


@contextmanager
def locked(path: Path, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Holds a lock that all processes share. A child process does not inherit it."""
    with path.open("a+") as file:
        fcntl.lockf(file, operation)
        yield


@contextmanager
def turn(folder: Path, alone: bool) -> Iterator[None]:
    """Holds the turn of one test, beside the tests of other processes or alone.

    A test that waits to run alone keeps the gate, so that no other test begins before it."""
    with (folder / "room.lock").open("a+") as room:
        with locked(folder / "gate.lock"):
            fcntl.lockf(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
