"""A PostgreSQL server in a folder, shared by all processes that use the folder."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from ._cluster import Cluster
from ._errors import make_error
from ._locks import close_lock, close_lock_in_forks
from ._place import DATABASE, FALLBACK_ROOT, Place, find_place

REPOSITORY = Path(__file__).resolve().parents[2]
GUARD_MODULE = "config.embedded_postgres._guard"


class EmbeddedPostgres:
    """The PostgreSQL server of one folder.

    `folder` is created when needed and private to the server. `settings` are PostgreSQL settings
    by name that override those sized for the machine. `fallback_root` holds the files if root runs
    this and the server's user cannot enter the folder. Methods raise EmbeddedPostgresError.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        fallback_root: Path = FALLBACK_ROOT,
    ) -> None:
        self._folder = Path(folder)
        self._settings = dict(settings or {})
        self._fallback_root = fallback_root

    @property
    def url(self) -> str:
        """The database's URL over the unix socket, known even if the server is not running."""
        return f"postgresql://postgres@{quote(str(self._place.sockets), safe='')}:5432/{DATABASE}"

    def is_running(self) -> bool:
        """Returns whether a server listens. Stale files, zombies and reused process ids do not
        matter."""
        return self._cluster.listens()

    def start(self) -> bool:
        """Starts the server if it is not running. Returns True if this call started it.

        Any number of processes may call this at the same time. The first start creates the
        database and checks that pgvector works on this processor.
        """
        with self._hold_start_lock():
            launched = False
            try:
                if not self._cluster.answers():
                    self._cluster.create()
                    self._cluster.write_settings()
                    launched = True
                    self._cluster.launch()
                self._cluster.create_database()
            except BaseException:
                if launched:
                    self._cluster.shut_down()
                raise
            return launched

    def stop(self) -> None:
        """Stops the server, if it is running, and ends its connections."""
        if os.path.exists(self._place.home):
            with self._hold_start_lock():
                self._cluster.shut_down()

    @contextmanager
    def in_use(self) -> Iterator["EmbeddedPostgres"]:
        """Keeps the server running inside the block. The last process to leave stops it.

        Each user holds a shared lock on one file. The kernel releases it when the process ends,
        and children do not inherit it. If the last user is killed, a guard process stops the
        server. A user who finds no running server first starts a guard.
        """
        users = self._open_lock_file("users.lock")
        try:
            # Locked before start(), so that a leaving user sees this one or has stopped the server.
            fcntl.flock(users, fcntl.LOCK_SH)
            if self.is_running():
                self.start()
            else:
                with self._start_guard():
                    self.start()
            yield self
        finally:
            close_lock(users)
            self._stop_if_unused()

    def stop_after_last_user(self, users: int) -> None:
        """Waits until no process uses the server, then stops it.

        `users` is the descriptor of the users' open lock file.
        """
        fcntl.flock(users, fcntl.LOCK_EX)
        lock = self._place.home / "users.lock"
        if lock.exists() and os.path.samestat(os.fstat(users), lock.stat()):
            self.stop()

    def _start_guard(self) -> subprocess.Popen[bytes]:
        """Starts the guard, which forks into the background. It inherits the open lock file, as the
        folder may be deleted before the guard could open it."""
        users = self._open_lock_file("users.lock")
        try:
            return subprocess.Popen(
                [sys.executable, "-m", GUARD_MODULE, self._place.folder, str(users)],
                cwd=REPOSITORY,
                pass_fds=[users],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            close_lock(users)

    def _stop_if_unused(self) -> None:
        users = self._open_lock_file("users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.stop()
        except BlockingIOError:
            # Another user will stop the server, or is stopping it: wait for that.
            fcntl.flock(users, fcntl.LOCK_SH)
        finally:
            close_lock(users)

    @cached_property
    def _place(self) -> Place:
        return find_place(self._folder, self._fallback_root)

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(self._place, self._settings)

    @contextmanager
    def _hold_start_lock(self) -> Iterator[None]:
        """Holds the lock for starting and stopping, and turns disk errors into sentences."""
        lock = self._open_lock_file("start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        except OSError as error:
            what = f"PostgreSQL's files in {self._place.home} cannot be used."
            raise make_error(what, str(error)) from error
        finally:
            close_lock(lock)

    def _open_lock_file(self, name: str) -> int:
        """Opens a lock file of the account. Root follows no symbolic link of that account."""
        self._place.create_folders()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            opened = os.open(self._place.home / name, flags, 0o600)
        except OSError as error:
            what = f"The lock file {self._place.home / name} cannot be opened."
            raise make_error(what, str(error)) from error
        close_lock_in_forks(opened)
        self._place.give_to_account(opened)
        return opened
