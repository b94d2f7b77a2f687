"""One PostgreSQL server in one folder, shared by all processes that name the folder."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from ._cluster import Cluster
from ._errors import failure
from ._place import DATABASE, Place, find_place


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
            started = False
            try:
                if not self._cluster.answers():
                    self._cluster.make()
                    self._cluster.write_settings()
                    self._cluster.launch()
                    started = True
                self._cluster.make_database()
            except BaseException:
                if started:
                    self._cluster.shut_down()
                raise
            return started

    def stop(self) -> None:
        """Shut the server down, ending its connections; nothing happens when none runs."""
        if os.path.exists(self._place.home):
            with self._lock():
                self._cluster.shut_down()

    @contextmanager
    def in_use(self) -> Iterator["EmbeddedPostgres"]:
        """Keep the server running inside the block; the last process to leave stops it.

        Each user holds a shared lock on one file. The kernel drops it when a process dies, so a
        killed user keeps nothing running: the next one to leave stops the server.
        """
        users = self._open("users.lock")
        try:
            # Before start(): whoever leaves meanwhile must see this user or be done with stopping.
            fcntl.flock(users, fcntl.LOCK_SH)
            self.start()
            yield self
        finally:
            # Closed, not unlocked: a forked child shares its parent's lock, which must outlast it.
            os.close(users)
            self._stop_if_unused()

    def _stop_if_unused(self) -> None:
        users = self._open("users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.stop()
        except BlockingIOError:
            pass  # somebody else uses the server, and will stop it
        finally:
            os.close(users)

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
            os.close(lock)

    def _open(self, name: str) -> int:
        """Open a lock file of the account; root follows no link that the account put there."""
        self._place.prepare()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            opened = os.open(self._place.home / name, flags, 0o600)
        except OSError as error:
            what = f"The lock file {self._place.home / name} cannot be opened."
            raise failure(what, str(error)) from error
        self._place.give(opened)
        return opened
