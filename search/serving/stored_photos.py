"""Photos of products as files of this machine, wherever they are stored."""

from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils._os import safe_join

from catalog.models.product import content_hash
from search.serving.bounded_folder import BoundedFolder

copies = BoundedFolder(lambda: settings.PHOTO_COPIES, lambda: settings.SIZED_PHOTOS_BYTES)


def stored_photo(name: str) -> Path:
    """Returns the file of a photo: the stored one, or a copy of the one in the bucket. Stored
    photos are named by their content, so a copy never becomes outdated. Raises OSError if there is
    no such photo, and SuspiciousFileOperation if there cannot be one."""
    if not settings.PHOTO_BUCKET:
        return Path(safe_join(settings.MEDIA_ROOT, name))
    suffix = PurePosixPath(name).suffix[:10]
    copy = copies.path(f"{content_hash(name.encode())}{suffix}")
    if not copy.exists():
        with default_storage.open(name, "rb") as photo:
            copies.write(copy.name, photo.read())
    return copy
