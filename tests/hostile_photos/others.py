"""Files that are no photos, and photos of every format with damaged bytes."""

import random
import struct
from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from tests.hostile_photos.pictures import Maker, encoded
from tests.hostile_photos.png import bomb


def others() -> Iterator[tuple[str, Maker]]:
    yield "empty", lambda: b""
    yield "svg-of-entities", lambda: b'<!DOCTYPE svg [<!ENTITY a "aaa">]><svg>' + b"&a;" * 10_000
    yield "pdf", lambda: b"%PDF-1.7\n" + bytes(10_000)
    yield "eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9999 9999\n" * 1000
    yield "zip-bomb", lambda: b"PK\3\4" + bomb(50_000_000)
    yield "photoshop", lambda: b"8BPS\0\1" + bytes(10_000)
    yield "dds", lambda: b"DDS " + struct.pack("<I", 124) + b"\xff" * 120
    yield "jpeg-2000", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100_000)
    yield "icon", lambda: b"\0\0\1\0\xff\xff" + bytes(100_000)
    yield "text-of-15-mb", lambda: b"photo " * 2_600_000


def damaged(count: int) -> Iterator[tuple[str, Maker]]:
    """Real pictures of each format with bytes changed, lost or repeated."""
    kinds = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield f"damaged-{number}-{kind}", partial(damage, kind, number)


def damage(kind: str, seed: int) -> bytes:
    chance = random.Random(seed)
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    photo = bytearray(encoded(Image.fromarray(pixels).resize((480, 360)), kind))
    for _ in range(chance.choice([1, 3, 10, 100])):
        at = chance.randrange(len(photo) if chance.random() < 0.5 else min(200, len(photo)))
        photo[at] = chance.choice([0, 255, chance.randrange(256)])
    if seed % 3 == 1:
        del photo[chance.randrange(len(photo)) :]
    elif seed % 3 == 2:
        photo[20:20] = photo[chance.randrange(len(photo)) :] * 3
    return bytes(photo)
