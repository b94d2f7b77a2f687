"""A PostgreSQL cluster: creates, configures, starts and stops it, and creates the database.

Two processes must not use it at the same time; `_server` holds the lock.
"""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ._errors import USE_ANOTHER, EmbeddedPostgresError, make_error
from ._leftovers import find_postmaster, find_processes, find_starters, remove_stale_locks
from ._place import DATABASE, SOCKET_NAME, Place
from ._programs import Programs
from ._sizing import measure_machine, size_settings

SETTINGS_FILE = "vitrina.conf"
STARTUP_TIMEOUT_S = 600  # recovery after a crash may take minutes
SHUTDOWN_TIMEOUT_S = 120
MAX_LOG_BYTES = 10 * 1024**2
RETRY_PAUSES_S = (0.2, 0.5, 1, 2, 4, 8, 15)
# PostgreSQL reports these while processes of a killed server are still running.
BACKENDS_RUNNING_MESSAGES = ("pre-existing shared memory block", "lock file")


class Cluster:
    """The cluster of one place. `settings` override those sized for the machine."""

    def __init__(self, place: Place, settings: Mapping[str, str]) -> None:
        self._place = place
        self._settings = settings
        self._programs = Programs(place)

    def listens(self) -> bool:
        """Returns whether a server listens, be it starting up, working or shutting down."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(os.fsencode(self._place.sockets / SOCKET_NAME))
            except (BlockingIOError, TimeoutError):
                return True  # the server is busy, and its queue is full
            except OSError:
                return False
        return True

    def answers(self) -> bool:
        """Waits while a listening server starts up or shuts down. Returns whether it answers."""
        deadline = time.monotonic() + STARTUP_TIMEOUT_S
        while self.listens():
            status, _ = self._programs.run(
                *("pg_isready", "--quiet", "--port=5432", "--timeout=10"),
                *("--host", self._place.sockets),
            )
            if status == 0:
                return True
            if time.monotonic() > deadline:
                what = f"PostgreSQL in {self._place.home} listens but does not answer."
                raise make_error(what, self._read_log_end())
            time.sleep(0.1)
        return False

    def create(self) -> None:
        """Creates the data folder if it is missing. The folder is complete or does not exist."""
        if (self._place.data / "PG_VERSION").exists():
            return
        account = self._place.account
        if not account.has_name:
            raise EmbeddedPostgresError(
                f"PostgreSQL's initdb needs a name for user {account.uid}, but /etc/passwd has "
                f"none: add one, run as a user with a name, or {USE_ANOTHER}."
            )
        for leftover in self._place.home.glob("data.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=self._place.home))
        self._place.give_to_account(fresh)
        status, output = self._programs.run(
            "initdb",
            *("--pgdata", fresh, "--username=postgres", "--auth=trust", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        if status != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise make_error(
                f"PostgreSQL could not create a database in {self._place.home}.", output
            )
        main = fresh / "postgresql.conf"
        self._write(main, main.read_text() + f"\ninclude '{SETTINGS_FILE}'\n")
        fresh.rename(self._place.data)

    def write_settings(self) -> None:
        """Writes the settings file. The server always listens on its unix socket only."""
        settings = {
            **size_settings(measure_machine(), self._settings),
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._place.sockets),
            "unix_socket_permissions": "0700",
        }
        lines = [f"{name} = '{_escape(value)}'\n" for name, value in settings.items()]
        heading = "# Vitrina replaces this file at every start.\n"
        self._write(self._place.data / SETTINGS_FILE, heading + "".join(lines))

    def launch(self) -> None:
        """Starts the server. Tries again while backends of a killed server are still running."""
        place = self._place
        if place.log.exists() and place.log.stat().st_size > MAX_LOG_BYTES:
            place.log.replace(place.log.with_suffix(".log.1"))
        for pause in (*RETRY_PAUSES_S, None):
            remove_stale_locks(place.data, place.sockets, place.account.uid)
            before = place.log.stat().st_size if place.log.exists() else 0
            status, output = self._programs.run(
                *("pg_ctl", "start", "--silent", "--wait", "--timeout", str(STARTUP_TIMEOUT_S)),
                *("--pgdata", place.data, "--log", place.log),
            )
            if status == 0:
                return
            log = self._read_log_end(before)
            if pause is None or not any(message in log for message in BACKENDS_RUNNING_MESSAGES):
                break
            time.sleep(pause)
        what = f"PostgreSQL did not start in {place.home}."
        if running := find_processes(place.data, place.account.uid):
            what += (
                f" Processes of a killed server are still running there ({running}): wait until "
                "they have finished, or end them."
            )
        raise make_error(what, f"{output}\n{place.log}:\n{log}")

    def create_database(self) -> None:
        """Creates the database if it is missing, after a check that pgvector works."""
        find = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
        if self._ask("postgres", find).strip() == "1":
            return
        status, output = self._query(
            "postgres",
            "CREATE EXTENSION IF NOT EXISTS vector",
            "SELECT '[1,2,3]'::vector <-> '[3,2,1]'::vector",
        )
        if status != 0:
            raise EmbeddedPostgresError(
                "pgvector in the bundled PostgreSQL does not work here (it is missing, or this "
                f"processor lacks instructions that it needs): {USE_ANOTHER}.\n"
                f"{output}\n{self._read_log_end()[-2000:]}"
            )
        for database, command in (
            ("postgres", f"CREATE DATABASE {DATABASE}"),
            (DATABASE, "CREATE EXTENSION IF NOT EXISTS vector"),
        ):
            self._ask(database, command)

    def shut_down(self) -> None:
        """Ends all connections and stops the server, if one is running or starting."""
        while find_starters(self._place.data):
            time.sleep(0.1)  # pg_ctl of an interrupted or killed start
        # Without a server, pg_ctl might signal an unrelated process that a stale file names.
        if not (self.listens() or find_postmaster(self._place.data, self._place.account.uid)):
            return
        status, output = self._programs.run(
            *("pg_ctl", "stop", "--silent", "--wait", "--timeout", str(SHUTDOWN_TIMEOUT_S)),
            *("--mode=fast", "--pgdata", self._place.data),
        )
        if status != 0 and self.listens():
            raise make_error(f"PostgreSQL in {self._place.home} did not stop.", output)

    def _read_log_end(self, start: int = 0) -> str:
        if not self._place.log.exists():
            return ""
        with self._place.log.open("rb") as log:
            log.seek(max(start, self._place.log.stat().st_size - 5000))
            return log.read().decode(errors="replace")

    def _ask(self, database: str, command: str) -> str:
        status, output = self._query(database, command)
        if status != 0:
            raise make_error(f"PostgreSQL in {self._place.home} refused: {command}.", output)
        return output

    def _query(self, database: str, *commands: str) -> tuple[int, str]:
        """Runs commands with the wheel's psql, without the caller's PG* variables."""
        return self._programs.run(
            *("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password"),
            *("--set=ON_ERROR_STOP=1", "--username=postgres", "--port=5432"),
            *("--host", self._place.sockets, "--dbname", database),
            *(f"--command={command}" for command in commands),
        )

    def _write(self, path: Path, text: str) -> None:
        """Replaces a file in one step. A symbolic link in its place is replaced, not followed."""
        opened, fresh = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(opened, "w") as file:
            file.write(text)
        self._place.give_to_account(Path(fresh))
        os.replace(fresh, path)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
