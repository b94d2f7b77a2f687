"""Photos of products in a bucket of S3 or a compatible service."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import quote

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import File
from storages.backends.s3 import S3Storage

CONNECT_TIMEOUT_S, READ_TIMEOUT_S, ATTEMPTS = 3, 10, 3


@contextmanager
def _bucket_errors() -> Iterator[None]:
    """Turns errors of the service into ConnectionError. A missing photo is FileNotFoundError."""
    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise ConnectionError(f"The bucket of photos cannot be used: {error}") from error


class BucketStorage(S3Storage):
    """Keeps photos in the bucket PHOTO_BUCKET. Browsers fetch them from Vitrina, which makes the
    widths that pages show, so nothing in the bucket has to be public. Files are read up to the
    largest size of a photo."""

    def get_default_settings(self) -> dict[str, Any]:
        """The access keys and the region come from boto3's own variables."""
        return {
            **super().get_default_settings(),
            "bucket_name": settings.PHOTO_BUCKET,
            "endpoint_url": settings.PHOTO_BUCKET_URL,
            "file_overwrite": False,
            "client_config": Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                # Every compatible service takes the bucket as a part of the path.
                s3={"addressing_style": "path" if settings.PHOTO_BUCKET_URL else "auto"},
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        }

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        return f"{settings.MEDIA_URL}{quote(name)}"

    def exists(self, name: str) -> bool:
        with _bucket_errors():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with _bucket_errors():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        with _bucket_errors():
            super().delete(name)

    def _open(self, name: str, mode: str = "rb") -> File:
        with _bucket_errors(), super()._open(name, mode) as stored:
            return File(BytesIO(stored.read(settings.IMAGE_MAX_BYTES + 1)), name)

    def _save(self, name: str, content: File) -> str:
        with _bucket_errors():
            return str(super()._save(name, content))
