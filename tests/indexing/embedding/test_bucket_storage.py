"""Photos in a bucket: imported, indexed, and shown, with a server of moto in place of S3."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from indexing.models import ImageFailure, IndexingRun

boto3 = pytest.importorskip("boto3", reason="requirements-s3.txt is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed")

from tests.indexing.shop import (  # noqa: E402
    add_products,
    current_images,
    photo,
    rebuild,
    vectors_of,
)
from tests.support.web_servers import free_port  # noqa: E402

pytestmark = pytest.mark.long
NAME = "products/ab/abc.jpg"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a service with the bucket `photos`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=address)
    client.create_bucket(
        Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield address
    reset = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()  # buckets outlive the server
    server.stop()


@pytest.fixture
def bucket(service: str, settings: Any, tmp_path: Path) -> Any:
    """The bucket, which is the storage of photos."""
    settings.PHOTO_BUCKET, settings.PHOTO_BUCKET_URL = "photos", service
    settings.PHOTO_COPIES = tmp_path / "copies"
    settings.SIZED_PHOTOS = tmp_path / "sized"
    settings.MEDIA_ROOT = tmp_path / "nothing"
    settings.STORAGES = {
        "default": {"BACKEND": "catalog.imaging.bucket_storage.BucketStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return boto3.resource("s3", endpoint_url=service).Bucket("photos")


def test_a_photo_is_stored_read_and_deleted(bucket: Any) -> None:
    data = photo(1)

    name = default_storage.save(NAME, ContentFile(data))

    assert name == NAME
    assert [each.key for each in bucket.objects.all()] == [NAME]
    assert default_storage.exists(NAME)
    assert default_storage.size(NAME) == len(data)
    assert default_storage.open(NAME).read() == data
    assert default_storage.url(NAME) == f"/media/{NAME}"
    assert default_storage.save(NAME, ContentFile(b"other")) != NAME
    default_storage.delete(NAME)
    assert not default_storage.exists(NAME)
    with pytest.raises(FileNotFoundError):
        default_storage.open(NAME)


def test_pages_get_photos_from_vitrina(bucket: Any, client: Client, settings: Any) -> None:
    data = photo(1)
    default_storage.save(NAME, ContentFile(data))

    whole = client.get(f"/media/{NAME}")
    assert b"".join(whole) == data  # type: ignore[call-overload]
    assert whole["Content-Type"] == "image/jpeg"
    assert client.get(f"/media/{NAME}?w=240")["Content-Type"] == "image/jpeg"
    again = client.get(f"/media/{NAME}", headers={"If-None-Match": whole["ETag"]})
    assert again.status_code == 304
    assert len(list(settings.PHOTO_COPIES.iterdir())) == 1
    assert not settings.MEDIA_ROOT.exists()
    for path in ("products/gone.jpg", "../../secret", "%00", "x" * 300):
        assert client.get(f"/media/{path}").status_code == 404


def leave(settings: Any, address: str | None = None) -> None:
    """Makes photos be looked for at another address; at one where nobody answers, by default."""
    if address is None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    settings.PHOTO_BUCKET_URL = address
    settings.STORAGES = dict(settings.STORAGES)  # makes another storage


def test_a_page_does_without_the_photos_of_a_service_that_is_away(
    bucket: Any, client: Client, settings: Any
) -> None:
    leave(settings)

    assert client.get(f"/media/{NAME}").status_code == 404


@pytest.mark.usefixtures("empty_shop")
def test_a_service_that_is_away_stops_a_run_and_no_photo_is_to_blame(
    bucket: Any, service: str, settings: Any
) -> None:
    add_products(range(3))
    leave(settings)

    run = rebuild()

    assert run.state == IndexingRun.State.FAILED
    assert "The bucket of photos cannot be used" in run.error
    assert not ImageFailure.objects.exists()
    leave(settings, service)
    assert rebuild().state == IndexingRun.State.SUCCEEDED
    assert vectors_of() == current_images()


@pytest.mark.usefixtures("empty_shop")
def test_photos_in_a_bucket_are_indexed_and_found(bucket: Any) -> None:
    add_products(range(60))

    rebuild()

    assert len(current_images()) == 60 == len(list(bucket.objects.all()))
    assert vectors_of() == current_images()
