"""WebP, AVIF and HEIC files: large pictures, animations, odd chunks and headers that lie."""

import struct
from collections.abc import Iterator
from functools import partial

from PIL import Image

from tests.hostile_photos.pictures import SIDE, Maker, encoded, plain
from tests.hostile_photos.tiff import exif_of_overlapping_tags


def webp_with(name: bytes, body: bytes) -> bytes:
    """An extended WebP with one more chunk of that name."""
    flags = {b"EXIF": 8, b"ICCP": 32, b"XMP ": 4}.get(name, 0)
    picture = encoded(plain(size=(64, 64)), "WEBP")[12:]
    more = name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    header = b"VP8X" + struct.pack("<II", 10, flags) + bytes([63, 0, 0, 63, 0, 0])
    whole = header + (more + picture if name == b"ICCP" else picture + more)
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def animation(kind: str, frames: int, side: int) -> bytes:
    images = [Image.new("RGB", (side, side), (n % 256, 0, n // 256)) for n in range(frames)]
    return encoded(images[0], kind, save_all=True, append_images=images[1:])


def modern() -> Iterator[tuple[str, Maker]]:
    yield "webp-40-megapixels", lambda: encoded(plain(), "WEBP", method=0)
    yield "webp-40-megapixels-lossless", lambda: encoded(plain(), "WEBP", lossless=True, method=0)
    yield (
        "webp-40-megapixels-transparent",
        lambda: encoded(plain("RGBA"), "WEBP", lossless=True, method=0),
    )
    yield "webp-wide", lambda: encoded(plain(size=(16_383, 2441)), "WEBP", method=0)
    yield "webp-exif-bomb", lambda: webp_with(b"EXIF", exif_of_overlapping_tags(60_000))
    yield "webp-profile-of-14-mb", lambda: webp_with(b"ICCP", bytes(14_000_000))
    yield "webp-odd-chunks", lambda: webp_with(b"ODD1", b"ODD2\0\0\0\0" * 1_800_000)
    yield "webp-animation", lambda: animation("WEBP", 300, 400)
    yield "webp-of-8-bytes", lambda: b"RIFF\4\0\0\0WEBP"
    for kind in ("AVIF", "HEIF"):
        yield f"{kind}-40-megapixels", partial(encoded, plain(), kind, quality=1)
        yield f"{kind}-wide", partial(encoded, plain(size=(16_000, 2500)), kind, quality=1)
        yield f"{kind}-animation", partial(animation, kind, 30, 300)
        yield f"{kind}-header-only", lambda kind=kind: encoded(plain(size=(64, 64)), kind)[:40]
        yield f"{kind}-boxes", lambda kind=kind: boxes(encoded(plain(size=(64, 64)), kind))
        yield f"{kind}-lying-size", lambda kind=kind: lying_size(kind)


def boxes(photo: bytes) -> bytes:
    """A million empty boxes behind the first."""
    size = int.from_bytes(photo[:4], "big")
    return photo[:size] + struct.pack(">I4s", 8, b"free") * 1_000_000 + photo[size:]


def lying_size(kind: str) -> bytes:
    photo = encoded(plain(size=(64, 64)), kind)
    return photo.replace(struct.pack(">II", 64, 64), struct.pack(">II", SIDE, SIDE))
