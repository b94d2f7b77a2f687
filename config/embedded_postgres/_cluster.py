"""A PostgreSQL cluster: made, configured, launched, filled with the database, shut down.

Nothing here is safe for two processes at once; `_server` holds the lock.
"""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ._errors import USE_ANOTHER, EmbeddedPostgresError, failure
from ._leftovers import postmaster_of, processes_in, remove_stale_locks, starters_of
from ._place import DATABASE, SOCKET_NAME, Place
from ._programs import Programs
from ._sizing import sized_settings, this_machine

SETTINGS_FILE = "vitrina.conf"
STARTUP_SECONDS = 600  # recovery after a crash may take minutes
SHUTDOWN_SECONDS = 120
LARGEST_LOG = 10 * 1024**2
PAUSES_BETWEEN_TRIES = (0.2, 0.5, 1, 2, 4, 8, 15)
# What PostgreSQL says while processes of a killed server have not all gone.
NOT_GONE_YET = ("pre-existing shared memory block", "lock file")


class Cluster:
    """The cluster of one place; `settings` win over those sized for the machine."""

    def __init__(self, place: Place, settings: Mapping[str, str]) -> None:
        self._place = place
        self._settings = settings
        self._programs = Programs(place)

    def listens(self) -> bool:
        """Whether a server holds the socket open, be it starting up, working or shutting down."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(os.fsencode(self._place.sockets / SOCKET_NAME))
            except (BlockingIOError, TimeoutError):
                return True  # the queue of a busy server is full
            except OSError:
                return False
        return True

    def answers(self) -> bool:
        """Wait while a server that listens starts up or shuts down; whether it then answers."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while self.listens():
            status, _ = self._programs.run(
                *("pg_isready", "--quiet", "--port=5432", "--timeout=10"),
                *("--host", self._place.sockets),
            )
            if status == 0:
                return True
            if time.monotonic() > deadline:
                what = f"PostgreSQL in {self._place.home} listens and does not answer."
                raise failure(what, self._end_of_log())
            time.sleep(0.1)
        return False

    def make(self) -> None:
        """Make the data folder where it is missing; it appears complete or not at all."""
        if (self._place.data / "PG_VERSION").exists():
            return
        account = self._place.account
        if not account.has_name:
            raise EmbeddedPostgresError(
                f"PostgreSQL's initdb needs a name for user {account.uid}, and /etc/passwd has "
                f"none: add one there, run as a user who has one, or {USE_ANOTHER}."
            )
        for leftover in self._place.home.glob("data.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=self._place.home))
        self._place.give(fresh)
        status, output = self._programs.run(
            "initdb",
            *("--pgdata", fresh, "--username=postgres", "--auth=trust", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        if status != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise failure(f"PostgreSQL could not make a database in {self._place.home}.", output)
        main = fresh / "postgresql.conf"
        self._write(main, main.read_text() + f"\ninclude '{SETTINGS_FILE}'\n")
        fresh.rename(self._place.data)

    def write_settings(self) -> None:
        """Write the settings file; whatever else changes, the server listens on its socket only."""
        settings = {
            **sized_settings(this_machine(), self._settings),
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._place.sockets),
            "unix_socket_permissions": "0700",
        }
        lines = [f"{name} = '{_escaped(value)}'\n" for name, value in settings.items()]
        heading = "# Written anew at every start.\n"
        self._write(self._place.data / SETTINGS_FILE, heading + "".join(lines))

    def launch(self) -> None:
        """Start the server; patient while the backends of a killed one have not finished."""
        place = self._place
        if place.log.exists() and place.log.stat().st_size > LARGEST_LOG:
            place.log.replace(place.log.with_suffix(".log.1"))
        for pause in (*PAUSES_BETWEEN_TRIES, None):
            remove_stale_locks(place.data, place.sockets, place.account.uid)
            before = place.log.stat().st_size if place.log.exists() else 0
            status, output = self._programs.run(
                *("pg_ctl", "start", "--silent", "--wait", "--timeout", str(STARTUP_SECONDS)),
                *("--pgdata", place.data, "--log", place.log),
            )
            if status == 0:
                return
            said = self._end_of_log(before)
            if pause is None or not any(sign in said for sign in NOT_GONE_YET):
                break
            time.sleep(pause)
        what = f"PostgreSQL did not start in {place.home}."
        if still_there := processes_in(place.data, place.account.uid):
            what += (
                f" Processes of a server that was killed still work there ({still_there}): wait "
                "until they have finished, or end them."
            )
        raise failure(what, f"{output}\n{place.log}:\n{said}")

    def make_database(self) -> None:
        """Make the database where it is missing, once pgvector has proved to work."""
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
                f"processor lacks instructions it needs): {USE_ANOTHER}.\n"
                f"{output}\n{self._end_of_log()[-2000:]}"
            )
        for database, command in (
            ("postgres", f"CREATE DATABASE {DATABASE}"),
            (DATABASE, "CREATE EXTENSION IF NOT EXISTS vector"),
        ):
            self._ask(database, command)

    def shut_down(self) -> None:
        """End all connections and stop the server, if one runs or is just being started."""
        while starters_of(self._place.data):
            time.sleep(0.1)  # of a start that was interrupted or killed
        # pg_ctl would signal whatever process a stale file names: never without a server.
        if not (self.listens() or postmaster_of(self._place.data, self._place.account.uid)):
            return
        status, output = self._programs.run(
            *("pg_ctl", "stop", "--silent", "--wait", "--timeout", str(SHUTDOWN_SECONDS)),
            *("--mode=fast", "--pgdata", self._place.data),
        )
        if status != 0 and self.listens():
            raise failure(f"PostgreSQL in {self._place.home} did not stop.", output)

    def _end_of_log(self, start: int = 0) -> str:
        if not self._place.log.exists():
            return ""
        with self._place.log.open("rb") as log:
            log.seek(max(start, self._place.log.stat().st_size - 5000))
            return log.read().decode(errors="replace")

    def _ask(self, database: str, command: str) -> str:
        status, output = self._query(database, command)
        if status != 0:
            raise failure(f"PostgreSQL in {self._place.home} refused: {command}.", output)
        return output

    def _query(self, database: str, *commands: str) -> tuple[int, str]:
        """Run commands with the wheel's psql, which no PG* variable of the caller can mislead."""
        return self._programs.run(
            *("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password"),
            *("--set=ON_ERROR_STOP=1", "--username=postgres", "--port=5432"),
            *("--host", self._place.sockets, "--dbname", database),
            *(f"--command={command}" for command in commands),
        )

    def _write(self, path: Path, text: str) -> None:
        """Replace a file in one step; a link in its place is replaced and not followed."""
        opened, fresh = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(opened, "w") as file:
            file.write(text)
        self._place.give(Path(fresh))
        os.replace(fresh, path)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
