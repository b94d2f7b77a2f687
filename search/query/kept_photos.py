"""Shoppers' photos, kept in files for a while. A shopper can then search for another box of a
photo, or open its next page, without sending it again.

Each query id is the name of a file. The ids of one photo are hard links to one file, so every photo
is on disk once.
"""

import logging
import os
import pickle
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from catalog.detection.photo_analysis import PhotoAnalysis

log = logging.getLogger("vitrina.search")

# A file that a crash truncated, or that another version of Vitrina wrote, raises one of these.
UNREADABLE = (EOFError, pickle.UnpicklingError, AttributeError, ImportError, TypeError, ValueError)
SWEEP_EVERY_S = 60.0
SWEEP_EVERY_SHARE = 0.05  # of QUERY_PHOTOS_BYTES, written since the last sweep


class KeptPhoto(NamedTuple):
    """A photo's file, its analysis, and the name of its preview."""

    data: bytes
    analysis: PhotoAnalysis | None
    preview: str


def load_photo(query_id: str) -> KeptPhoto | None:
    """The photo of a query, or None if it is not kept."""
    try:
        with open(_folder() / query_id, "rb") as file:
            if os.fstat(file.fileno()).st_mtime < _oldest():
                return None
            preview, analysis = pickle.load(file)
            return KeptPhoto(file.read(), analysis, preview)
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        log.warning("the kept photo %s cannot be read: %s", query_id, error)
        return None


def store_photo(query_id: str, data: bytes, analysis: PhotoAnalysis | None) -> None:
    """Keeps a photo for QUERY_PHOTO_KEPT_S. Raises OSError if it cannot be written."""
    head = pickle.dumps((f"{query_id}.jpg", analysis))
    _write(query_id, head + data)


def link_photo(query_id: str, earlier_id: str) -> None:
    """Keeps the photo of the query `earlier_id` under another id as well, for QUERY_PHOTO_KEPT_S
    from now. Raises OSError if the photo is gone, or its file takes no more links: ext4 allows
    65,000."""
    os.link(_folder() / earlier_id, _folder() / query_id)
    os.utime(_folder() / query_id)


def load_preview(photo: KeptPhoto) -> bytes | None:
    """The JPEG that `store_preview` kept, or None."""
    with suppress(FileNotFoundError):
        return (_folder() / photo.preview).read_bytes()
    return None


def store_preview(photo: KeptPhoto, jpeg: bytes) -> None:
    """Keeps the small copy of a photo for pages to show. Raises OSError."""
    _write(photo.preview, jpeg)


def _folder() -> Path:
    return Path(settings.QUERY_PHOTOS)


def _oldest() -> float:
    return time.time() - settings.QUERY_PHOTO_KEPT_S


def _write(name: str, content: bytes) -> None:
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweeper.count_written(len(content))
    descriptor, fresh = tempfile.mkstemp(dir=folder)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(fresh, folder / name)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(fresh)
        raise


class _Sweeper:
    """Removes expired photos, and the oldest ones while all together take more than
    QUERY_PHOTOS_BYTES. Each process sweeps when it has written SWEEP_EVERY_SHARE of that, and when
    it writes SWEEP_EVERY_S after its last sweep."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes, self._last = 0, 0.0

    def count_written(self, size: int) -> None:
        """Counts the bytes of a file that is about to be written, and sweeps if it is time."""
        with self._lock:
            self._bytes += size
            enough = self._bytes > SWEEP_EVERY_SHARE * settings.QUERY_PHOTOS_BYTES
            if not enough and time.monotonic() - self._last < SWEEP_EVERY_S:
                return
            self._bytes, self._last = 0, time.monotonic()
        self._sweep()

    def _sweep(self) -> None:
        files: dict[int, tuple[float, int, list[str]]] = {}  # by inode: time, bytes, names
        with os.scandir(_folder()) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    _, _, names = files.setdefault(
                        status.st_ino, (status.st_mtime, 512 * status.st_blocks, [])
                    )
                    names.append(entry.path)
        taken = sum(size for _, size, _ in files.values())
        allowed = (1 - SWEEP_EVERY_SHARE) * settings.QUERY_PHOTOS_BYTES
        for kept_at, size, names in sorted(files.values()):
            if kept_at >= _oldest() and taken <= allowed:
                return
            taken -= size
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(name)


_sweeper = _Sweeper()
