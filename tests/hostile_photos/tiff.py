"""TIFF files: millions of strips and tiles, directories without end, and unusual compressions."""

import struct
import zlib
from collections.abc import Iterator
from functools import partial

from tests.hostile_photos.pictures import SIDE, WIDE, Maker


def tiff(entries: list[tuple[int, int, int, bytes]], data: bytes, following: int = 0) -> bytes:
    """A little-endian TIFF of one directory. An entry is (tag, type, count, four bytes or more);
    longer values lie behind the directory. `data` begins at byte 8."""
    start = 8 + len(data)
    values, position = b"", start + 2 + 12 * len(entries) + 4
    packed = b""
    for tag, kind, count, value in entries:
        if len(value) > 4:
            packed += struct.pack("<HHII", tag, kind, count, position + len(values))
            values += value
        else:
            packed += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    directory = struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", start) + data + directory + values


def long(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def tiff_of(
    width: int,
    height: int,
    *,
    compression: int = 1,
    strips: int = 1,
    tile: int = 0,
    data: bytes = b"",
    extra: tuple[tuple[int, int, int, bytes], ...] = (),
    bits: int = 8,
) -> bytes:
    """A TIFF of strips, or of tiles of `tile` pixels a side, which all point to the same `data`."""
    rows = -(-height // strips)
    places, sizes = long(*[8] * strips), long(*[len(data)] * strips)
    where = [(273, 4, strips, places), (278, 4, 1, long(rows)), (279, 4, strips, sizes)]
    if tile:
        where = [
            (322, 4, 1, long(tile)),
            (323, 4, 1, long(tile)),
            (324, 4, strips, places),
            (325, 4, strips, sizes),
        ]
    entries = [
        (256, 4, 1, long(width)),
        (257, 4, 1, long(height)),
        (258, 3, 1, struct.pack("<H", bits)),
        (259, 3, 1, struct.pack("<H", compression)),
        (262, 3, 1, struct.pack("<H", 1)),
        (277, 3, 1, struct.pack("<H", 1)),
        *where,
        *extra,
    ]
    return tiff(sorted(entries), data)


def tiff_of_overlapping_tags(count: int, size: int) -> bytes:
    """`count` private tags, each of which claims the whole file."""
    extra = tuple((40_000 + n, 7, size, long(8) + b"\0") for n in range(count))
    return tiff_of(64, 64, data=bytes(size), extra=extra)


def exif_of_overlapping_tags(tags: int) -> bytes:
    """EXIF whose tags all claim the same 60,000 bytes."""
    entries = [(5000 + n, 7, 60_000, long(8)) for n in range(tags)]
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    directory = struct.pack("<H", tags) + body + bytes(4)
    return b"II*\0\x08\0\0\0" + directory


def tiff_pages(pages: int) -> bytes:
    """A chain of `pages` directories with one tag each."""
    page = struct.pack("<HHHI", 1, 256, 4, 1) + long(8)
    size = len(page) + 4
    return b"II*\0" + long(8) + b"".join(page + long(8 + size * (n + 1)) for n in range(pages))


def tiffs() -> Iterator[tuple[str, Maker]]:
    yield (
        "tiff-1.8-million-strips",
        partial(tiff_of, 20, 1_800_000, strips=1_800_000, data=b"\0" * 20),
    )
    yield (
        "tiff-a-million-strips-deflated",
        partial(tiff_of, 6, 900_000, compression=8, strips=900_000, data=zlib.compress(bytes(6))),
    )
    yield (
        "tiff-tiles-of-one-pixel",
        partial(tiff_of, 1300, 1300, strips=1300 * 1300, tile=1, data=b"\0"),
    )
    yield (
        "tiff-tiles-of-16-pixels",
        partial(tiff_of, SIDE, SIDE, strips=396 * 396, tile=16, data=bytes(256)),
    )
    for width, height in ((SIDE, SIDE), WIDE, (1, 40_000_000)):
        body = zlib.compress(bytes(width * height), 9)
        yield (
            f"tiff-deflated-{width}x{height}",
            partial(tiff_of, width, height, compression=8, data=body),
        )
    for compression in (2, 3, 4, 5, 7, 32773, 34925, 50000, 50001):
        yield (
            f"tiff-compression-{compression}",
            partial(tiff_of, SIDE, SIDE, compression=compression, data=bytes(2000), bits=1),
        )
    yield "tiff-overlapping-tags", partial(tiff_of_overlapping_tags, 5000, 1_000_000)
    yield "tiff-many-pages", partial(tiff_pages, 700_000)
    yield "tiff-circle-of-pages", lambda: tiff([(256, 4, 1, long(1))], b"", following=8)
    yield "tiff-64-bits-a-sample", partial(tiff_of, 2000, 2000, bits=64, data=bytes(1000))
    yield "tiff-without-pixels", partial(tiff_of, SIDE, SIDE)
    yield "bigtiff-header-only", lambda: b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + b"\xff" * 64
    yield "tiff-65535-tags", lambda: tiff([(n, 7, 4, b"abcd") for n in range(65_535)], b"")
