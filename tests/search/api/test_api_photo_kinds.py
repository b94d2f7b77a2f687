"""Photos in all formats of phones, cameras and image programs find the same products."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Search = Callable[..., dict[str, Any]]
ORIENTATION = 0x0112


@pytest.fixture
def photo() -> Image.Image:
    """A photo of the demo whose product is the first result."""
    from catalog.demo.load import FOLDER

    return Image.open(FOLDER / "images/scopia-campingtent/1.webp").convert("RGB")


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def first(answer: dict[str, Any]) -> tuple[str, float]:
    result = answer["results"][0]
    return result["product"]["sku"], result["score"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_every_image_format_is_accepted(kind: str, photo: Image.Image, by_photo: Search) -> None:
    sku, score = first(by_photo(encoded(photo, kind)))

    assert sku == "scopia-campingtent"
    assert score > 0.85


@pytest.mark.parametrize(
    ("mode", "kind", "at_least"),
    [
        ("CMYK", "JPEG", 0.85),
        ("CMYK", "TIFF", 0.85),
        ("P", "PNG", 0.75),
        ("P", "GIF", 0.75),
        ("RGBA", "PNG", 0.85),
        ("L", "JPEG", 0.3),
        ("LA", "PNG", 0.3),
        ("I;16", "PNG", 0.3),
        ("I;16", "TIFF", 0.3),
        ("1", "PNG", 0.0),
    ],
)
def test_every_colour_mode_is_accepted(
    mode: str, kind: str, at_least: float, photo: Image.Image, by_photo: Search
) -> None:
    if mode == "I;16":
        grey = photo.convert("L")
        picture = Image.new("I;16", grey.size)
        picture.putdata([257 * value for value in grey.get_flattened_data()])
    else:
        picture = photo.convert(mode)

    answer = by_photo(encoded(picture, kind))

    assert answer["count"] == 24
    assert first(answer)[1] >= at_least
    if at_least:
        assert "scopia-campingtent" in [r["product"]["sku"] for r in answer["results"][:5]]


def test_transparent_pixels_count_as_white(photo: Image.Image, by_photo: Search) -> None:
    cut_out = photo.convert("RGBA")
    background = photo.convert("L").point(lambda value: 0 if value > 250 else 255)
    cut_out.putalpha(background)

    sku, score = first(by_photo(encoded(cut_out, "PNG")))

    assert sku == "scopia-campingtent"
    assert score > 0.85


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
        (5, Image.Transpose.TRANSPOSE),
    ],
)
def test_a_photo_held_sideways_is_turned_upright(
    orientation: int, turn: Image.Transpose, photo: Image.Image, by_photo: Search
) -> None:
    upright = by_photo(encoded(photo, "PNG"))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    turned = by_photo(encoded(photo.transpose(turn), "PNG", exif=exif))

    assert turned["results"] == upright["results"]


def test_a_box_refers_to_the_upright_photo(photo: Image.Image, by_photo: Search) -> None:
    # Given a photo with a tent in the upper left, stored rotated by 90 degrees.
    scene = Image.new("RGB", (2 * photo.width, 3 * photo.height), "white")
    scene.paste(photo, (0, 0))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = encoded(scene.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)

    boxed = by_photo(stored, box="0,0,0.5,0.333333")
    beside = by_photo(stored, box="0.5,0.5,0.5,0.5")

    assert first(boxed) == ("scopia-campingtent", pytest.approx(1, abs=0.05))
    assert first(beside) != first(boxed)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (2000, 2), (5000, 5000)])
def test_a_photo_of_any_shape_is_accepted(size: tuple[int, int], by_photo: Search) -> None:
    answer = by_photo(encoded(Image.new("RGB", size, "brown"), "PNG"))

    assert answer["count"] == 24


def test_a_box_of_the_minimum_size_is_accepted(photo: Image.Image, by_photo: Search) -> None:
    assert by_photo(encoded(photo, "JPEG"), box="0.5,0.5,0.005,0.005")["count"] == 24


@pytest.mark.parametrize("box", ["0,0,1,1", "0.0000001,0,1.0,0.9999999", " 0 , 0 , 1 , 1 "])
def test_a_box_around_everything_means_the_whole_photo(
    box: str, photo: Image.Image, by_photo: Search
) -> None:
    whole = by_photo(encoded(photo, "PNG"), box="0,0,1,1")

    answer = by_photo(encoded(photo, "PNG"), box=box)

    assert answer["query"]["objects"] == []  # a box needs no detection
    assert answer["results"] == whole["results"]
