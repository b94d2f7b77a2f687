"""BMP files: run lengths that promise more pixels than there are, and headers that lie."""

import struct
from collections.abc import Iterator
from functools import partial

from tests.hostile_photos.pictures import SIDE, WIDE, Maker


def bmp(width: int, height: int, bits: int, compression: int, body: bytes) -> bytes:
    palette = b"\0\0\0\0\xff\xff\xff\0" * 128 if bits <= 8 else b""
    start = 54 + len(palette)
    file = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return file + info + palette + body


def bmps() -> Iterator[tuple[str, Maker]]:
    for bits, compression in ((8, 1), (4, 2)):
        for width, height in (WIDE, (SIDE, SIDE), (1, 40_000_000), (65_535, 610)):
            name = f"bmp-rle{bits}-{width}x{height}"
            yield name, partial(bmp, width, height, bits, compression, b"\1\0\0\0\0\1")
    yield "bmp-rle8-runs", partial(bmp, SIDE, SIDE, 8, 1, b"\1\0" * 1_000_000)
    yield "bmp-rle8-moves", partial(bmp, SIDE, SIDE, 8, 1, b"\0\2\1\0" * 1_000_000)
    yield "bmp-one-bit-40-megapixels", partial(bmp, SIDE, SIDE, 1, 0, bytes(SIDE * 792))
    yield "bmp-one-bit-wide", partial(bmp, *WIDE, 1, 0, bytes(5_000_004))
    yield "bmp-without-pixels", partial(bmp, SIDE, SIDE, 24, 0, b"")
    yield "bmp-negative-height", partial(bmp, 2000, -2000, 24, 0, bytes(2000))
    yield "bmp-huge", partial(bmp, 2**31 - 1, 2**31 - 1, 24, 0, b"")
