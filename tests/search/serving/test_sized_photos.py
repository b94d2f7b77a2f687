"""Photos of products in the widths that pages show: made once, kept on disk, and bounded."""

import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from search.serving.sized_photos import WIDTHS, sized_photo

BROWSER = {"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"}


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """The folder of photos, with one of 1,500 by 3,000 pixels in products/photo.jpg."""
    settings.MEDIA_ROOT = tmp_path / "media"
    folder = settings.MEDIA_ROOT / "products"
    folder.mkdir(parents=True)
    noise = os.urandom(3 * 50 * 100)
    Image.frombytes("RGB", (50, 100), noise).resize((1500, 3000)).save(folder / "photo.jpg")
    return folder


def files(settings: Any) -> list[Path]:
    return sorted(settings.SIZED_PHOTOS.iterdir())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("headers", "kind"), [(BROWSER, "webp"), ({}, "jpeg")])
def test_a_width_in_the_format_that_the_client_takes(
    media: Path, client: Client, width: int, headers: dict[str, str], kind: str
) -> None:
    response = client.get(f"/media/products/photo.jpg?w={width}", headers=headers)

    image = Image.open(BytesIO(response.content))
    assert (image.format or "").lower() == kind
    assert response["Content-Type"] == f"image/{kind}"
    assert image.width == width
    assert abs(image.height - 2 * width) <= 2
    assert "immutable" in response["Cache-Control"]
    assert "Accept" in response["Vary"]


def test_it_is_made_once_by_many_requests(media: Path, settings: Any) -> None:
    photo = media / "photo.jpg"
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: sized_photo(photo, 240, "image/webp"), range(8)))

    assert made[0] is not None
    assert len(set(made)) == len(files(settings)) == 1
    written = files(settings)[0].stat().st_mtime_ns
    assert sized_photo(photo, 240, "image/webp") == made[0]
    assert files(settings)[0].stat().st_mtime_ns == written


def test_a_replaced_photo_is_made_again(media: Path) -> None:
    before = sized_photo(media / "photo.jpg", 160, "image/jpeg")
    Image.new("RGB", (300, 300), "red").save(media / "photo.jpg")

    assert sized_photo(media / "photo.jpg", 160, "image/jpeg") != before


def test_a_small_photo_is_not_enlarged(media: Path) -> None:
    Image.new("RGB", (200, 100), "red").save(media / "small.png")

    made = sized_photo(media / "small.png", 1200, "image/webp")

    assert Image.open(BytesIO(made or b"")).size == (200, 100)


def test_a_file_that_is_no_photo_is_served_as_it_is(media: Path, client: Client) -> None:
    (media / "broken.jpg").write_bytes(b"no photo")

    response = client.get("/media/products/broken.jpg?w=240")

    assert b"".join(response) == b"no photo"  # type: ignore[call-overload]
    assert "immutable" not in response.get("Cache-Control", "")


@pytest.mark.parametrize("width", ["0", "17", "241", "-1", "x", "99999999999", "240.0", " 240"])
def test_other_widths_are_refused(media: Path, client: Client, settings: Any, width: str) -> None:
    response = client.get("/media/products/photo.jpg", {"w": width})

    assert response.status_code == 400
    assert "160, 240, 480, 720, 1200" in response.content.decode()
    assert "immutable" not in response.get("Cache-Control", "")
    assert not settings.SIZED_PHOTOS.exists()


@pytest.mark.parametrize("path", ["gone.jpg", "../../secret", "%00", "products", "x" * 300])
def test_what_is_not_there_is_not_found(media: Path, client: Client, path: str) -> None:
    assert client.get(f"/media/{path}?w=240").status_code == 404


def test_the_oldest_go_when_there_are_too_many(media: Path, settings: Any) -> None:
    settings.SIZED_PHOTOS_BYTES = 200_000
    for number in range(12):
        noise = os.urandom(3 * 160 * 160)
        Image.frombytes("RGB", (160, 160), noise).save(media / f"{number}.png")
        assert sized_photo(media / f"{number}.png", 160, "image/jpeg")

    kept = files(settings)
    assert sum(512 * path.stat().st_blocks for path in kept) <= 220_000
    last = kept and max(path.stat().st_mtime_ns for path in kept)
    assert sized_photo(media / "11.png", 160, "image/jpeg")
    assert max(path.stat().st_mtime_ns for path in files(settings)) == last  # it was still there


@pytest.mark.parametrize("path", ["photo.jpg?w=240", "photo.jpg"])
def test_a_photo_that_a_client_has_is_not_sent_again(
    media: Path, client: Client, path: str
) -> None:
    first = client.get(f"/media/products/{path}", headers=BROWSER)
    etag, sent = first["ETag"], first.getvalue()

    again = client.get(f"/media/products/{path}", headers={**BROWSER, "If-None-Match": etag})

    assert (first.status_code, again.status_code, again.getvalue()) == (200, 304, b"")
    assert again["Cache-Control"] == first["Cache-Control"]
    assert again.get("Vary") == first.get("Vary")
    Image.new("RGB", (1500, 3000)).save(media / "photo.jpg")
    changed = client.get(f"/media/products/{path}", headers={**BROWSER, "If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.getvalue() != sent


def test_kinds_and_widths_of_a_photo_have_different_etags(media: Path, client: Client) -> None:
    answers = [
        client.get(f"/media/products/photo.jpg?w={width}", headers=headers)
        for width in (160, 240)
        for headers in (BROWSER, {})
    ]

    assert len({answer["ETag"] for answer in answers}) == 4
    assert all(answer.getvalue() for answer in answers)
