"""Files with more parts than a photo has are refused before they are decoded."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from catalog.imaging.image_decoding import ImageError, decode_image
from catalog.imaging.image_structure import check_structure
from tests.hostile_photos.bmp import bmp
from tests.hostile_photos.gif import gif
from tests.hostile_photos.jpeg import jpeg_of_scans, jpeg_with, segment
from tests.hostile_photos.pictures import encoded
from tests.hostile_photos.png import chunk, png
from tests.hostile_photos.tiff import tiff, tiff_of

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "BMP, run lengths": (lambda: bmp(40_000_000, 1, 8, 1, b"\1\0\0\0\0\1"), "compressed"),
    "TIFF, strips": (lambda: tiff_of(2, 70_000, strips=70_000, data=b"ab"), "strips"),
    "TIFF, tiles": (lambda: tiff_of(300, 300, strips=90_000, tile=1, data=b"a"), "tiles"),
    "TIFF, tags": (lambda: tiff([(n, 7, 4, b"abcd") for n in range(2000)], b""), "tags"),
    "JPEG, padding": (lambda: jpeg_with(b"\xff" * 100_000), "padding"),
    "JPEG, junk": (lambda: jpeg_with(b"\xff\xe0\0\2" + bytes(100_000)), "padding"),
    "JPEG, comments": (lambda: jpeg_with(segment(0xFE, b"") * 3000), "segments"),
    "JPEG, no scan": (lambda: b"\xff\xd8\xff" + bytes(100_000), "pixels"),
    "JPEG, scans": (lambda: jpeg_of_scans(101, 500), "scans"),
    "JPEG, scans of many pixels": (lambda: jpeg_of_scans(20, 6000), "scans"),
    "PNG, chunks": (lambda: png(8, 8, before=chunk(b"teXt", b"") * 30_000), "chunks"),
    "PNG, chunks behind": (
        lambda: png(8, 8, after=chunk(b"teXt", b"") * 30_000),
        "chunks",
    ),
    "GIF, comments": (lambda: gif(before=b"!\xfe\0" * 30_000), "blocks"),
    "GIF, one comment": (lambda: gif(before=b"!\xfe" + b"\1c" * 30_000 + b"\0"), "blocks"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_structures_that_no_camera_writes_are_refused(name: str) -> None:
    make, word = REFUSED[name]

    with pytest.raises(ImageError, match=word) as refused:
        decode_image(make())

    assert refused.value.code == "image_unreadable"
    assert str(refused.value).endswith(".")


def test_a_refused_file_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))

    for name, (make, _) in REFUSED.items():
        if "scans" not in name:  # how many are too many depends on the size
            with pytest.raises(ImageError):
                decode_image(make())


def test_data_after_the_end_of_a_png_does_not_count() -> None:
    assert decode_image(png(8, 8) + bytes(1_000_000)).size == (8, 8)


@pytest.mark.parametrize("order", [b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+"])
def test_a_tiff_that_ends_within_its_header_is_damaged(order: bytes) -> None:
    with pytest.raises(ImageError):
        decode_image(order + b"\xff" * 20)


@pytest.mark.parametrize(
    ("size", "kind"),
    [((40_000_000, 1), "png"), ((1, 40_000_000), "png"), ((70_000, 500), "png")],
)
def test_no_photo_is_a_million_pixels_long(size: tuple[int, int], kind: str) -> None:
    with pytest.raises(ImageError, match="a side") as refused:
        decode_image(png(*size, colour=0))

    assert refused.value.code == "image_too_many_pixels"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_a_large_image_of_a_few_kilobytes_is_refused(kind: str) -> None:
    data = encoded(Image.new("1", (5000, 5000), 1), kind, lossless=True)
    assert len(data) < 30_000

    with pytest.raises(ImageError, match="too little content"):
        decode_image(data)


def test_a_blank_photo_of_a_camera_is_accepted() -> None:
    black = encoded(Image.new("RGB", (7728, 5152)), "JPEG", quality=30)
    grain = np.random.default_rng(1).integers(0, 3, (3000, 4000, 3), np.uint8)

    assert decode_image(black, at_least=288).size == (966, 644)
    assert decode_image(encoded(Image.fromarray(grain), "WEBP")).size == (4000, 3000)


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "HEIF"])
def test_files_of_photo_editors_are_accepted(kind: str) -> None:
    image = Image.effect_noise((800, 600), 60).convert("RGB")
    more = {"JPEG": {"progressive": True, "comment": b"a shop"}, "TIFF": {"tile": True}}
    file = io.BytesIO()
    image.save(file, kind, exif=image.getexif().tobytes(), **more.get(kind, {}))

    check_structure(file.getvalue())
    assert decode_image(file.getvalue()).size == (800, 600)
