"""Keeps shoppers' photos in files for a while. A shopper can then search for another box of a
photo, or open the next page, without sending the photo again.

Each query id is the name of a file. If several queries use the same kept photos, their names are
hard links to one file, so each photo is on disk once.
"""

import logging
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from catalog.detection.photo_analysis import PhotoAnalysis
from search.serving.bounded_folder import BoundedFolder

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

query_photos = BoundedFolder(
    lambda: settings.QUERY_PHOTOS,
    lambda: settings.QUERY_PHOTOS_BYTES,
    lambda: settings.QUERY_PHOTO_KEPT_S,
)


class KeptPhotos(NamedTuple):
    """The files of the photos of a query, and the analysis of the whole photo if there is only
    one. `kept_as` is the query id under which they were stored first."""

    files: tuple[bytes, ...]
    analysis: PhotoAnalysis | None
    kept_as: str

    def preview_name(self, number: int) -> str:
        return f"{self.kept_as}-{number}.jpg"


def is_kept(query_id: str) -> bool:
    """Returns whether the photos of a query are in their file."""
    return query_photos.path(query_id).is_file()


def load_photos(query_id: str) -> KeptPhotos | None:
    """Returns the photos of a query, or None if they are not kept."""
    try:
        with open(query_photos.path(query_id), "rb") as file:
            if os.fstat(file.fileno()).st_mtime < query_photos.oldest():
                return None
            kept_as, analysis, sizes = pickle.load(file)
            return KeptPhotos(tuple(file.read(size) for size in sizes), analysis, kept_as)
    except FileNotFoundError:
        return None
    except UNREADABLE_FILE_ERRORS as error:
        log.warning("the kept photos %s cannot be read: %s", query_id, error)
        return None


def store_photos(query_id: str, files: Sequence[bytes], analysis: PhotoAnalysis | None) -> None:
    """Keeps photos for QUERY_PHOTO_KEPT_S. Raises OSError if they cannot be written."""
    head = pickle.dumps((query_id, analysis, [len(data) for data in files]))
    query_photos.write(query_id, b"".join([head, *files]))


def link_photos(query_id: str, earlier_id: str) -> None:
    """Keeps the photos of the query `earlier_id` under `query_id` as well, for QUERY_PHOTO_KEPT_S
    from now. Raises OSError if they are gone or their file has the maximum number of links,
    65,000 on ext4."""
    os.link(query_photos.path(earlier_id), query_photos.path(query_id))
    os.utime(query_photos.path(query_id))


def load_preview(photos: KeptPhotos, number: int) -> bytes | None:
    """Returns the JPEG that `store_preview` kept, or None."""
    with suppress(FileNotFoundError):
        return query_photos.path(photos.preview_name(number)).read_bytes()
    return None


def store_preview(photos: KeptPhotos, number: int, jpeg: bytes) -> None:
    """Keeps the preview of a photo. Raises OSError if it cannot be written."""
    query_photos.write(photos.preview_name(number), jpeg)
