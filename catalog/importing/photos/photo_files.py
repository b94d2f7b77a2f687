"""Stores photos in files that are named by their content, so that equal photos share one file."""

from typing import NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from catalog.models.product import content_hash

IMAGE_SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif")
}
_SIGNATURES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II": ".tif",
    b"MM": ".tif",
}


class PhotoFile(NamedTuple):
    """A photo in the storage: its name there, and the hash of its content."""

    name: str
    content_hash: str


def store_photo(data: bytes, suffix: str) -> PhotoFile:
    """Stores a photo. If it raises OSError, it leaves no partial file."""
    digest = content_hash(data)
    name = f"products/{digest[:2]}/{digest}{suffix if suffix in IMAGE_SUFFIXES else '.img'}"
    # A full disk or a killed import may have left a partial file.
    exists = default_storage.exists(name)
    if not exists or default_storage.size(name) != len(data):
        try:
            name = default_storage.save(name, ContentFile(data))
        except OSError:
            if not exists:
                default_storage.delete(name)
            raise
    return PhotoFile(name, digest)


def suffix_of(data: bytes) -> str:
    """Returns the usual suffix of a photo's format, found by its first bytes; "" if unknown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data[4:8] == b"ftyp":
        return ".avif" if data[8:12] in (b"avif", b"avis") else ".heic"
    return next((s for start, s in _SIGNATURES.items() if data.startswith(start)), "")
