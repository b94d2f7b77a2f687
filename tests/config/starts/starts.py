"""Starts of Vitrina as by `make run`, each in a folder of its own, for tests that stop them."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
from django.conf import settings

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import wait_until

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 400.0  # a first start takes half a minute on an idle machine
STOP_S = 10.0
PHOTOS = 1444
SCHEDULES = [
    *("fetch_photos", "join_abandoned_runs", "learn_from_clicks"),
    *("learn_recommendations", "measure", "measure_drift"),
    *("pull_sources", "refresh", "send_webhooks"),
]


class Tree:
    """An installation: its DATA_DIR, its PORT and all its processes. With `compiled`, its starts
    find the encoder compiled."""

    def __init__(self, folder: Path, compiled: bool = False, **environment: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        if compiled:
            settings.ENCODER_CACHE.mkdir(parents=True, exist_ok=True)
            self.data.mkdir()
            (self.data / "encoders").symlink_to(settings.ENCODER_CACHE)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        cleared = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.environment = {
            **cleared,
            "DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "CHUNK_LEASE_S": "3",
            **environment,
        }
        self.starts = 0

    def start(self) -> "Start":
        self.starts += 1
        return Start(self, self.folder / f"start-{self.starts}.log")

    def manage(self, *command: str) -> str:
        """Runs `manage.py COMMAND` and returns its output."""
        return subprocess.check_output(
            [sys.executable, "manage.py", *command],
            cwd=REPOSITORY,
            env=self.environment,
            text=True,
            stderr=subprocess.STDOUT,
        )

    def processes(self) -> dict[int, str]:
        """Returns the commands of all running processes of this installation by id, including the
        database's. All of them inherit DATA_DIR."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if command and f"DATA_DIR={self.data}".encode() in environment:
                found[int(process.name)] = command
        return found

    def wait_until_nothing_runs(self) -> float:
        """Returns the seconds that it took."""
        began = time.monotonic()
        try:
            wait_until(lambda: not self.processes(), timeout_s=60, every_s=0.1)
        except AssertionError:
            raise AssertionError(f"still there: {self.processes()}") from None
        return time.monotonic() - began

    def end_all(self) -> None:
        for process in self.processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def status(self, path: str = "readyz") -> int:
        """Returns the status of a GET, or 0 without an answer."""
        try:
            address = f"http://127.0.0.1:{self.port}/{path}"
            with urllib.request.urlopen(address, timeout=30) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def assert_whole(self) -> None:
        """Checks that a first start has created everything exactly once, and that it serves."""
        assert self.status() == 200
        assert self.status("") == 200
        with psycopg.connect(EmbeddedPostgres(self.data / "postgres").url) as connection:

            def ask(query: str) -> list:
                return [row[0] for row in connection.execute(query)]

            assert ask("SELECT count(*) FROM catalog_product") == [722]
            assert ask("SELECT count(*) FROM catalog_productimage") == [PHOTOS]
            assert ask("SELECT count(*) FROM catalog_embedding") == [PHOTOS]
            assert ask("SELECT count(*) FROM catalog_productchange") == [0]
            [live] = ask("SELECT id FROM catalog_generation WHERE state = 'live'")
            assert ask(f"SELECT count(*) FROM catalog_vector_g{live}") == [PHOTOS]
            assert ask("SELECT DISTINCT state FROM indexing_indexingrun") == ["succeeded"]
            assert ask("SELECT username FROM auth_user WHERE is_superuser") == ["admin"]
            assert ask("SELECT name FROM django_q_schedule ORDER BY 1") == SCHEDULES


class Start:
    """A process of `python -m config.run` in a session of its own."""

    def __init__(self, tree: Tree, log: Path) -> None:
        self._tree, self.log = tree, log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                cwd=REPOSITORY,
                env=tree.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text()

    def wait_until_it_says(self, text: str) -> None:
        def says_or_ended() -> bool:
            assert text in self.said() or self.process.poll() is None, self.said()
            return text in self.said()

        wait_until(says_or_ended, timeout_s=PATIENCE_S)

    def wait_until_it_serves(self) -> None:
        self.wait_until_it_says("Ctrl-C stops everything.")

    def stop(self, how: signal.Signals) -> float:
        """Sends a signal to this process alone. Returns the seconds until no process was left."""
        began = time.monotonic()
        self.process.send_signal(how)
        status = self.process.wait(60)
        self._tree.wait_until_nothing_runs()
        took = time.monotonic() - began
        assert status == (-signal.SIGKILL if how == signal.SIGKILL else 0), self.said()
        assert "Traceback" not in self.said(), self.said()
        print(f"{how.name}: nothing left after {took:.1f} s")
        return took
