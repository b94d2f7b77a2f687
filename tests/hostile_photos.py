"""Two hundred files of a few kilobytes to 15 MB that strangers could send in place of a photo, made
anew by each run: bombs, headers that lie, structures without end, and damaged photos.

Others use `hostile_photos()`, which yields each file's name and a function that makes its bytes.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from PIL import Image

FILES = 200
MAX_BYTES = 15 * 1024 * 1024
SIDE = 6324  # SIDE × SIDE is just below 40 megapixels
WIDE = (40_000_000, 1)

Maker = Callable[[], bytes]


def hostile_photos() -> Iterator[tuple[str, Maker]]:
    """(name, maker) of exactly FILES files; the same ones in each run."""
    made = [*bmps(), *tiffs(), *jpegs(), *pngs(), *gifs(), *modern(), *others()]
    yield from made
    yield from damaged(FILES - len(made))


# --- BMP ------------------------------------------------------------------------------------------
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


# --- TIFF -----------------------------------------------------------------------------------------
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
    """Strips, or tiles of `tile` pixels a side, all of which lie on the same `data`."""
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
    lying = tiff_of(64, 64, data=bytes(size), extra=extra)
    return lying


def tiff_pages(pages: int) -> bytes:
    """A directory of one tag for each page, each of which leads to the next."""
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


# --- JPEG -----------------------------------------------------------------------------------------
def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(mode: str = "RGB", size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    return Image.new(mode, size, 128 if mode in ("L", "1", "P") else (128,) * len(mode))


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(insertion: bytes, size: tuple[int, int] = (64, 64)) -> bytes:
    photo = encoded(plain(size=size), "JPEG")
    return photo[:2] + insertion + photo[2:]


def scans_of(photo: bytes) -> tuple[bytes, bytes, bytes]:
    """What a JPEG has before its last scan, that scan, and what follows."""
    start, end = photo.rindex(b"\xff\xda"), photo.rindex(b"\xff\xd9")
    return photo[:start], photo[start:end], photo[end:]


def jpeg_of_scans(count: int, side: int) -> bytes:
    head, scan, tail = scans_of(encoded(plain("L", (side, side)), "JPEG", progressive=True))
    return head + scan * (count - head.count(b"\xff\xda")) + tail


def exif_of_overlapping_tags(tags: int) -> bytes:
    entries = [(5000 + n, 7, 60_000, long(8)) for n in range(tags)]
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    directory = struct.pack("<H", tags) + body + bytes(4)
    return b"II*\0\x08\0\0\0" + directory


def jpegs() -> Iterator[tuple[str, Maker]]:
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
    photo = bytearray(encoded(plain(size=(64, 64)), "JPEG", progressive=True))
    at = photo.index(b"\xff\xc2") + 5
    photo[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(photo)


# --- PNG ------------------------------------------------------------------------------------------
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
    """A plain PNG whose pixels are compressed as far as can be, in so many `pieces`."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = 1 + -(-width * samples * bits // 8)
    body = zlib.compress(bytes((row + 8) * height), 9) if data is None else data
    size = max(1, -(-len(body) // pieces))
    parts = [chunk(b"IDAT", body[n : n + size]) for n in range(0, len(body), size)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    start = b"\x89PNG\r\n\x1a\n" + header + before
    return start + b"".join(parts) + after + chunk(b"IEND", b"")


def bomb(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def pngs() -> Iterator[tuple[str, Maker]]:
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


# --- GIF ------------------------------------------------------------------------------------------
def gif(before: bytes = b"", after: bytes = b"", size: tuple[int, int] = (64, 64)) -> bytes:
    photo = encoded(Image.new("P", size), "GIF")
    at = photo.index(b",", 13 + 3 * 2 ** ((photo[10] & 7) + 1))
    return photo[:at] + before + photo[at:-1] + after + photo[-1:]


def gifs() -> Iterator[tuple[str, Maker]]:
    comment = b"!\xfe" + b"\xff".join([b""] + [b"c" * 255] * 50_000) + b"\0"
    yield "gif-one-long-comment", lambda: gif(before=comment)
    yield "gif-a-comment-of-single-bytes", lambda: gif(before=b"!\xfe" + b"\1c" * 7_000_000 + b"\0")
    yield "gif-empty-comments", lambda: gif(before=b"!\xfe\0" * 5_000_000)
    yield "gif-controls", lambda: gif(before=b"!\xf9\4\0\0\0\0\0" * 1_900_000)
    yield "gif-long-comment-after", lambda: gif(after=comment)
    yield "gif-40-megapixels", lambda: gif(size=(SIDE, SIDE))
    yield "gif-wide", lambda: gif(size=(65_535, 610))
    yield (
        "gif-many-frames",
        lambda: encoded(
            Image.new("P", (2000, 2000)),
            "GIF",
            save_all=True,
            append_images=[Image.new("P", (2000, 2000), n % 2) for n in range(1, 60)],
            duration=20,
        ),
    )
    yield "gif-single-byte-blocks", lambda: single_byte_blocks(gif(size=(3000, 3000)))


def single_byte_blocks(photo: bytes) -> bytes:
    """The same GIF with each byte of its pixels in a block of its own."""
    at = photo.index(b",", 13 + 3 * 2 ** ((photo[10] & 7) + 1)) + 10
    head, position, body = photo[: at + 1], at + 1, b""
    while size := photo[position]:
        body += photo[position + 1 : position + 1 + size]
        position += 1 + size
    return head + b"".join(b"\1" + body[n : n + 1] for n in range(len(body))) + b"\0;"


# --- WebP, AVIF, HEIC -----------------------------------------------------------------------------
def webp_with(name: bytes, body: bytes) -> bytes:
    """An extended WebP with one more chunk, which `name` says what it is."""
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


# --- Others ---------------------------------------------------------------------------------------
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
