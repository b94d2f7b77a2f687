"""PNG files: chunks without end, compressed bombs, and every pixel format at 40 megapixels."""

import struct
import zlib
from collections.abc import Iterator
from functools import partial

from tests.hostile_photos.pictures import MAX_BYTES, SIDE, WIDE, Maker
from tests.hostile_photos.tiff import exif_of_overlapping_tags


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    *,
    colour: int = 2,
    bits: int = 8,
    before: bytes = b"",
    after: bytes = b"",
    interlaced: int = 0,
    pieces: int = 1,
    data: bytes | None = None,
) -> bytes:
    """A plain PNG of well-compressed pixels in `pieces` IDAT chunks."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = 1 + -(-width * samples * bits // 8)
    body = zlib.compress(bytes((row + 8) * height), 9) if data is None else data
    size = max(1, -(-len(body) // pieces))
    parts = [chunk(b"IDAT", body[n : n + size]) for n in range(0, len(body), size)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    start = b"\x89PNG\r\n\x1a\n" + header + before
    return start + b"".join(parts) + after + chunk(b"IEND", b"")


def bomb(size: int) -> bytes:
    """`size` zero bytes, compressed."""
    return zlib.compress(bytes(size), 9)


def pngs() -> Iterator[tuple[str, Maker]]:
    yield from pngs_of_chunks()
    yield from pngs_of_pixels()


def pngs_of_chunks() -> Iterator[tuple[str, Maker]]:
    """Small pictures with very many chunks, or chunks that expand to gigabytes."""
    few = MAX_BYTES // 12 - 300
    yield "png-empty-chunks-before", lambda: png(64, 64, before=chunk(b"teXt", b"") * few)
    yield "png-empty-chunks-after", lambda: png(64, 64, after=chunk(b"teXt", b"") * few)
    yield "png-empty-pixels", lambda: png(64, 64, before=chunk(b"IDAT", b"") * few)
    yield "png-texts", lambda: png(64, 64, before=chunk(b"tEXt", b"a\0b") * (few * 3 // 4))
    yield (
        "png-text-bombs",
        lambda: png(64, 64, before=chunk(b"zTXt", b"a\0\0" + bomb(1_000_000)) * 5000),
    )
    yield (
        "png-international-text-bombs",
        lambda: png(64, 64, after=chunk(b"iTXt", b"a\0\1\0\0\0" + bomb(1_000_000)) * 5000),
    )
    yield (
        "png-profile-bomb",
        lambda: png(64, 64, before=chunk(b"iCCP", b"a\0\0" + bomb(100_000_000)) * 50),
    )
    yield (
        "png-exif-bomb",
        lambda: png(64, 64, before=chunk(b"eXIf", exif_of_overlapping_tags(60_000))),
    )
    yield (
        "png-animation-controls",
        lambda: png(64, 64, before=chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    )


def pngs_of_pixels() -> Iterator[tuple[str, Maker]]:
    """Forty megapixels of every kind, and data that does not fit the header."""
    for colour, bits in ((2, 8), (6, 8), (6, 16), (2, 16), (0, 16), (4, 8), (0, 1)):
        yield (
            f"png-40-megapixels-colour-{colour}-bits-{bits}",
            partial(png, SIDE, SIDE, colour=colour, bits=bits),
        )
    yield "png-40-megapixels-interlaced", partial(png, SIDE, SIDE, colour=6, interlaced=1)
    for width, height in (WIDE, (1, 40_000_000), (65_535, 610), (610, 65_535)):
        yield f"png-{width}x{height}", partial(png, width, height, colour=0)
    yield "png-pixels-byte-by-byte", partial(png, 4000, 4000, pieces=10**9)
    yield "png-more-pixels-than-said", lambda: png(64, 64, data=bomb(1_000_000_000))
    yield "png-without-pixels", lambda: png(SIDE, SIDE, data=b"")
    yield (
        "png-transparent-palette",
        lambda: png(
            SIDE,
            SIDE,
            colour=3,
            before=chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256)),
        ),
    )
    yield "png-huge", lambda: png(2**31 - 1, 2**31 - 1, data=bomb(1000))
