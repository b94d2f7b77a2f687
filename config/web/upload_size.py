"""The one page that takes larger requests than others: that for files to import."""

from django.conf import settings

UPLOAD_PATH = "/admin/catalog/productimport/file/"  # read before any URL is resolved


def is_upload(path: str) -> bool:
    """Returns whether this is the path of the page that takes files to import."""
    return path == UPLOAD_PATH


def upload_max_bytes() -> int:
    """Returns the size of the largest request that this page takes: a file and the other fields."""
    return int(settings.IMPORT_UPLOAD_BYTES) + 2 * int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
