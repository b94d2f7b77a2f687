"""Processes of the offline side, for tests that kill them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


class Processes:
    """Starts `tests.support.offline_process` on one database, and ends the started processes.

    `pause` makes stages slow, {stage: seconds a chunk}, so that a test has time to kill workers.
    They read the pauses at each chunk. `begun` lists the chunks that they began."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._pauses = folder / "pauses.json"
        self._journal = folder / "journal.txt"
        self._environment = {
            **os.environ,
            "ENCODER": "histogram",
            "LABELLED_PHOTOS": "",
            "CHUNK_LEASE_S": "2",
            "CHUNK_IMAGES": "5",
            "PYTHONWARNINGS": "default",
            **environment,
            "TEST_PAUSES": str(self._pauses),
            "TEST_JOURNAL": str(self._journal),
        }
        self._started: list[subprocess.Popen[str]] = []
        self.pause({})

    @classmethod
    def on_test_database(cls, folder: Path) -> "Processes":
        return cls(
            folder,
            {"DATABASE_URL": url_of_test_database(), "MEDIA_ROOT": str(settings.MEDIA_ROOT)},
        )

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Runs `manage.py COMMAND` in another process, in a new session."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.offline_process", *command],
                cwd=REPOSITORY,
                env={**self._environment, **environment},
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def run(self, *command: str, **environment: str) -> int:
        """Starts a process and waits for its end. Returns the exit status."""
        return self.start(*command, **environment).wait(PATIENCE_S)

    def pause(self, pauses: dict[str, float]) -> None:
        fresh = self._pauses.with_suffix(".new")
        fresh.write_text(json.dumps(pauses))
        fresh.replace(self._pauses)

    @property
    def log(self) -> Path:
        return self._folder / "processes.log"

    def ready(self) -> set[int]:
        """Returns the ids of the processes that were ready to work, alive or not."""
        return {int(line.split()[1]) for line in self._lines() if line.startswith("ready ")}

    def begun(self) -> list[str]:
        """Returns `stage ordinal` for each time that a chunk was begun."""
        return [line for line in self._lines() if not line.startswith("ready ")]

    def _lines(self) -> list[str]:
        return self._journal.read_text().splitlines() if self._journal.exists() else []

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kills this process alone with SIGKILL."""
        process.kill()
        process.wait()

    def end_all(self) -> None:
        """Kills all started processes and their children with SIGKILL."""
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(
    condition: Callable[[], Any], timeout_s: float = PATIENCE_S, every_s: float = 0.02
) -> Any:
    """Waits until `condition()` returns a true value, and returns it. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain"
        time.sleep(every_s)
    return value


def url_of_test_database() -> str:
    """Returns the URL of the database that this test runs on."""
    given = connection.settings_dict
    login = quote(given["USER"] or "", safe="")
    if given["PASSWORD"]:
        login += ":" + quote(given["PASSWORD"], safe="")
    place = quote(given["HOST"] or "", safe="")
    port = f":{given['PORT']}" if given["PORT"] else ""
    return f"postgresql://{login}@{place}{port}/{quote(given['NAME'])}"
