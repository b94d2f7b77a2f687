"""One PostgreSQL server in one folder, shared by all processes that name the folder."""

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
from ._errors import failure
from ._locks import close_lock, close_lock_in_forks
from ._place import DATABASE, Place, find_place

REPOSITORY = Path(__file__).resolve().parents[2]
GUARD = "config.embedded_postgres._guard"


class EmbeddedPostgres:
    """The PostgreSQL server of one folder.

    `folder` is made when needed and private to the server; `settings` are PostgreSQL settings by
    name that win over those sized for the machine. Methods raise EmbeddedPostgresError.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = Path(folder)
        self._settings = dict(settings or {})

    @property
    def url(self) -> str:
        """The database's URL over the unix socket; known whether or not the server runs."""
        return f"postgresql://postgres@{quote(str(self._place.sockets), safe='')}:5432/{DATABASE}"

    def is_running(self) -> bool:
        """Whether a server listens: no stale file, zombie or recycled process id can feign that."""
        return self._cluster.listens()

    def start(self) -> bool:
        """Have the server running with the database in it; True if this call started it.

        Any number of processes may call this at once. The first start makes the database and
        proves that pgvector works on this processor.
        """
        with self._lock():
            launched = False
            try:
                if not self._cluster.answers():
                    self._cluster.make()
                    self._cluster.write_settings()
                    launched = True
                    self._cluster.launch()
                self._cluster.make_database()
            except BaseException:
                if launched:
                    self._cluster.shut_down()
                raise
            return launched

    def stop(self) -> None:
        """Shut the server down, ending its connections; nothing happens when none runs."""
        if os.path.exists(self._place.home):
            with self._lock():
                self._cluster.shut_down()

    @contextmanager
    def in_use(self) -> Iterator["EmbeddedPostgres"]:
        """Keep the server running inside the block; the last process to leave stops it.

        Each user holds a shared lock on one file. The kernel drops it when a process dies, and no
        child inherits it. Where the last user is killed, a guard stops the server: a process that
        each user who finds no server starts first.
        """
        users = self._open("users.lock")
        try:
            # Before start(): whoever leaves meanwhile must see this user or be done with stopping.
            fcntl.flock(users, fcntl.LOCK_SH)
            if self.is_running():
                self.start()
            else:
                with self._post_guard():
                    self.start()
            yield self
        finally:
            close_lock(users)
            self._stop_if_unused()

    def guard(self, users: int) -> None:
        """Wait until nobody uses the server, however they ended, and stop it then.

        `users` is an open file of the lock that they hold.
        """
        fcntl.flock(users, fcntl.LOCK_EX)
        lock = self._place.home / "users.lock"
        if lock.exists() and os.path.samestat(os.fstat(users), lock.stat()):
            self.stop()

    def _post_guard(self) -> subprocess.Popen[bytes]:
        """Start the guard, which forks once and goes on without us. It gets the lock's file open:
        the folder may be gone before it would open it."""
        users = self._open("users.lock")
        try:
            return subprocess.Popen(
                [sys.executable, "-m", GUARD, self._place.folder, str(users)],
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
        users = self._open("users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.stop()
        except BlockingIOError:
            # Somebody else uses the server, and will stop it; or is stopping it: until it is done.
            fcntl.flock(users, fcntl.LOCK_SH)
        finally:
            close_lock(users)

    @cached_property
    def _place(self) -> Place:
        return find_place(self._folder)

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(self._place, self._settings)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock for starting and stopping; the disk's failures become sentences."""
        lock = self._open("start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        except OSError as error:
            what = f"PostgreSQL's files in {self._place.home} cannot be used."
            raise failure(what, str(error)) from error
        finally:
            close_lock(lock)

    def _open(self, name: str) -> int:
        """Open a lock file of the account; root follows no link that the account put there."""
        self._place.prepare()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            opened = os.open(self._place.home / name, flags, 0o600)
        except OSError as error:
            what = f"The lock file {self._place.home / name} cannot be opened."
            raise failure(what, str(error)) from error
        close_lock_in_forks(opened)
        self._place.give(opened)
        return opened
