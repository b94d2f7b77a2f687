"""JPEG files: padding, segments and scans without end, and headers that lie."""

import struct
from collections.abc import Iterator
from functools import partial

from tests.hostile_photos.pictures import MAX_BYTES, SIDE, Maker, encoded, plain
from tests.hostile_photos.tiff import exif_of_overlapping_tags


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(insertion: bytes, size: tuple[int, int] = (64, 64)) -> bytes:
    photo = encoded(plain(size=size), "JPEG")
    return photo[:2] + insertion + photo[2:]


def scans_of(photo: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before the last scan of a JPEG, that scan, and what follows it."""
    start, end = photo.rindex(b"\xff\xda"), photo.rindex(b"\xff\xd9")
    return photo[:start], photo[start:end], photo[end:]


def jpeg_of_scans(count: int, side: int) -> bytes:
    head, scan, tail = scans_of(encoded(plain("L", (side, side)), "JPEG", progressive=True))
    return head + scan * (count - head.count(b"\xff\xda")) + tail


def jpegs() -> Iterator[tuple[str, Maker]]:
    yield from jpegs_of_segments()
    yield from jpegs_of_pixels()


def jpegs_of_segments() -> Iterator[tuple[str, Maker]]:
    """Small pictures with up to 15 MB between their markers."""
    padding = MAX_BYTES - 2000
    yield "jpeg-15-mb-of-ff", lambda: jpeg_with(b"\xff" * padding)
    yield "jpeg-15-mb-of-ff-at-the-end", lambda: jpeg_with(b"")[:-2] + b"\xff" * padding
    yield "jpeg-zeros-between-markers", lambda: jpeg_with(bytes(padding))
    yield "jpeg-empty-comments", lambda: jpeg_with(segment(0xFE, b"") * 3_900_000)
    yield "jpeg-empty-exif-segments", lambda: jpeg_with(segment(0xE1, b"Exif\0\0") * 1_500_000)
    yield (
        "jpeg-photoshop-segments",
        lambda: jpeg_with(
            segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0" * 5000) * 250
        ),
    )
    yield (
        "jpeg-color-profiles",
        lambda: jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000)) * 230),
    )
    yield "jpeg-many-tables", lambda: jpeg_with(segment(0xDB, b"\0" + b"\1" * 64) * 200_000)
    yield (
        "jpeg-overlapping-exif-tags",
        lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + exif_of_overlapping_tags(5400))),
    )
    yield (
        "jpeg-frames-of-another",
        lambda: jpeg_with(segment(0xE2, b"MPF\0" + exif_of_overlapping_tags(5000))),
    )


def jpegs_of_pixels() -> Iterator[tuple[str, Maker]]:
    """Many scans, 40 megapixels, and sizes that are not true."""
    for count, side in ((99, 1000), (99, 3000), (99, SIDE), (20, SIDE), (5000, 1000), (200, 3000)):
        yield f"jpeg-{count}-scans-of-{side}", partial(jpeg_of_scans, count, side)
    for mode in ("RGB", "L", "CMYK"):
        yield f"jpeg-plain-{mode}-40-megapixels", lambda mode=mode: encoded(plain(mode), "JPEG")
        yield (
            f"jpeg-progressive-{mode}-40-megapixels",
            lambda mode=mode: encoded(plain(mode), "JPEG", progressive=True),
        )
    yield "jpeg-wide", lambda: encoded(plain("L", (65_500, 610)), "JPEG")
    yield "jpeg-tall", lambda: encoded(plain("L", (610, 65_500)), "JPEG")
    yield "jpeg-65535-squared", lambda: lying_jpeg(65_535, 65_535)
    yield "jpeg-40-megapixels-without-data", lambda: lying_jpeg(SIDE, SIDE)
    yield "jpeg-of-no-height", lambda: lying_jpeg(64, 0)
    yield (
        "mpo-of-400-photos",
        lambda: encoded(
            plain(size=(64, 64)), "MPO", save_all=True, append_images=[plain(size=(64, 64))] * 400
        ),
    )


def lying_jpeg(width: int, height: int) -> bytes:
    """A JPEG of 64 × 64 pixels whose header claims another size."""
    photo = bytearray(encoded(plain(size=(64, 64)), "JPEG", progressive=True))
    at = photo.index(b"\xff\xc2") + 5
    photo[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(photo)
