"""How large the body of a request may be, by its path."""

from django.conf import settings

# Read before any URL is resolved.
UPLOAD_PATH = "/admin/catalog/productimport/file/"
API_PATH = "/api/"
PHOTO_PATH = "/api/v1/search/photo/"
IMPORT_PATH = "/api/v1/products/import/"
IMPORT_MAX_BYTES = 16 * 1024**2


def is_upload(path: str) -> bool:
    """Returns whether this is the path of the page that takes files to import."""
    return path == UPLOAD_PATH


def upload_max_bytes() -> int:
    """Returns the size of the largest request that this page takes: a file and the other fields."""
    return int(settings.IMPORT_UPLOAD_BYTES) + 2 * int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def body_max_bytes(path: str, is_multipart: bool) -> int:
    """Returns the size of the largest body at this path. Photos and uploaded files come in
    multipart forms, imports of the API as JSON."""
    if path == IMPORT_PATH:
        return IMPORT_MAX_BYTES
    if not is_multipart or (path.startswith(API_PATH) and path != PHOTO_PATH):
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return upload_max_bytes() if is_upload(path) else int(settings.REQUEST_MAX_BYTES)
