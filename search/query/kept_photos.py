"""Keeps shoppers' photos in files for a while. A shopper can then search for another box of a
photo, or open the next page, without sending the photo again.

Each query id is the name of a file. If several queries use the same kept photo, their names are
hard links to one file, so each photo is on disk once.
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
UNREADABLE_FILE_ERRORS = (
    EOFError,
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    TypeError,
    ValueError,
)
SWEEP_INTERVAL_S = 60.0
SWEEP_SHARE = 0.05  # of QUERY_PHOTOS_BYTES; a process sweeps after it has written this much


class KeptPhoto(NamedTuple):
    """A photo's file, its analysis, and the name of its preview."""

    data: bytes
    analysis: PhotoAnalysis | None
    preview: str


def load_photo(query_id: str) -> KeptPhoto | None:
    """Returns the photo of a query, or None if it is not kept."""
    try:
        with open(_folder() / query_id, "rb") as file:
            if os.fstat(file.fileno()).st_mtime < _oldest():
                return None
            preview, analysis = pickle.load(file)
            return KeptPhoto(file.read(), analysis, preview)
    except FileNotFoundError:
        return None
    except UNREADABLE_FILE_ERRORS as error:
        log.warning("the kept photo %s cannot be read: %s", query_id, error)
        return None


def store_photo(query_id: str, data: bytes, analysis: PhotoAnalysis | None) -> None:
    """Keeps a photo for QUERY_PHOTO_KEPT_S. Raises OSError if it cannot be written."""
    head = pickle.dumps((f"{query_id}.jpg", analysis))
    _write(query_id, head + data)


def link_photo(query_id: str, earlier_id: str) -> None:
    """Keeps the photo of the query `earlier_id` under `query_id` as well, for QUERY_PHOTO_KEPT_S
    from now. Raises OSError if the photo is gone or its file has the maximum number of links,
    65,000 on ext4."""
    os.link(_folder() / earlier_id, _folder() / query_id)
    os.utime(_folder() / query_id)


def load_preview(photo: KeptPhoto) -> bytes | None:
    """Returns the JPEG that `store_preview` kept, or None."""
    with suppress(FileNotFoundError):
        return (_folder() / photo.preview).read_bytes()
    return None


def store_preview(photo: KeptPhoto, jpeg: bytes) -> None:
    """Keeps the preview of a photo. Raises OSError if it cannot be written."""
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
    """Removes expired photos. Also removes the oldest ones while all photos together take more than
    QUERY_PHOTOS_BYTES. Each process sweeps before it writes a file, if it has written SWEEP_SHARE
    of that size or SWEEP_INTERVAL_S has passed since its last sweep."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes, self._last = 0, 0.0

    def count_written(self, size: int) -> None:
        """Counts the bytes of a file that is about to be written, and sweeps if it is time."""
        with self._lock:
            self._bytes += size
            enough = self._bytes > SWEEP_SHARE * settings.QUERY_PHOTOS_BYTES
            if not enough and time.monotonic() - self._last < SWEEP_INTERVAL_S:
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
        allowed = (1 - SWEEP_SHARE) * settings.QUERY_PHOTOS_BYTES
        for kept_at, size, names in sorted(files.values()):
            if kept_at >= _oldest() and taken <= allowed:
                return
            taken -= size
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(name)


_sweeper = _Sweeper()
