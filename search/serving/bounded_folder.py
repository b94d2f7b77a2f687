"""A folder of files that may be lost: the oldest go when there are too many."""

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SWEEP_INTERVAL_S = 60.0
SWEEP_SHARE = 0.05  # of the bytes allowed; a process sweeps after it has written this much


class BoundedFolder:
    """A folder whose files are removed when they are older than `kept_s` seconds. The oldest ones
    are removed too while all files together take more than `max_bytes`. Files may have several
    names, which are hard links.

    Each process sweeps before it writes a file, if it has written SWEEP_SHARE of that size or
    SWEEP_INTERVAL_S has passed since its last sweep."""

    def __init__(
        self,
        folder: Callable[[], Path],
        max_bytes: Callable[[], int],
        kept_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._folder, self._max_bytes, self._kept_s = folder, max_bytes, kept_s
        self._lock = threading.Lock()
        self._bytes, self._last = 0, 0.0

    def path(self, name: str) -> Path:
        return Path(self._folder()) / name

    def oldest(self) -> float:
        """Returns the time before which files are removed, in seconds since the epoch."""
        return time.time() - self._kept_s()

    def write(self, name: str, content: bytes) -> None:
        """Writes a file that only this user can read. Nobody sees it before it is complete. Raises
        OSError."""
        folder = Path(self._folder())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count_written(len(content))
        descriptor, fresh = tempfile.mkstemp(dir=folder)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(fresh, folder / name)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(fresh)
            raise

    def _count_written(self, size: int) -> None:
        with self._lock:
            self._bytes += size
            enough = self._bytes > SWEEP_SHARE * self._max_bytes()
            if not enough and time.monotonic() - self._last < SWEEP_INTERVAL_S:
                return
            self._bytes, self._last = 0, time.monotonic()
        self._sweep()

    def _sweep(self) -> None:
        files: dict[int, tuple[float, int, list[str]]] = {}  # by inode: time, bytes, names
        with os.scandir(self._folder()) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    _, _, names = files.setdefault(
                        status.st_ino, (status.st_mtime, 512 * status.st_blocks, [])
                    )
                    names.append(entry.path)
        taken = sum(size for _, size, _ in files.values())
        allowed = (1 - SWEEP_SHARE) * self._max_bytes()
        for kept_at, size, names in sorted(files.values()):
            if kept_at >= self.oldest() and taken <= allowed:
                return
            taken -= size
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(name)
