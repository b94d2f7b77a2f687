"""Limits on the structure of photo files. Decoders are slow on files that no camera or editor
writes, with millions of tiny strips, segments, chunks or comments.

`check_structure` reads the structure of a file in a few milliseconds, without decoding.
"""

import re
import struct
from collections.abc import Callable, Iterator
from itertools import count

MAX_JPEG_SEGMENTS = 2_000  # photos have 10 to 300: profiles and previews are split
MAX_JPEG_PADDING = 65_536  # bytes between segments
MAX_JPEG_SCANS = 100  # cameras write 1, editors up to about 12
MAX_JPEG_FULL_SCANS = 10  # of the largest photo; smaller ones may have more
MAX_PNG_CHUNKS = 20_000  # a file of 15 MB with the usual chunks of 8 KB has 1,900
MAX_GIF_BLOCKS = 20_000  # before the first frame
MAX_TIFF_TAGS = 1_000
MAX_TIFF_PIECES = 65_536  # strips or tiles: one for each row of the highest photo

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # a marker that is followed by a length
_RUN_LENGTH_ENCODED = {1, 2, 4, 5}  # as a BMP's compression: RLE8, RLE4, embedded JPEG and PNG
_TIFF_PIECES = {273, 324}  # tags StripOffsets and TileOffsets


class StructureError(ValueError):
    """The structure of a file exceeds a limit. The message is a sentence for people."""


def check_structure(data: bytes) -> None:
    """Raises StructureError for a file with more parts than a photo has."""
    for signature, check in _CHECKS.items():
        if data.startswith(signature):
            check(data)


def check_scans(data: bytes, pixels: int, max_pixels: int) -> None:
    """Raises StructureError for a JPEG of `pixels`, of at most `max_pixels`, with too many scans.
    Each scan of a progressive JPEG is a pass over the whole image, even if it has only a few
    bytes."""
    max_scans = min(MAX_JPEG_SCANS, MAX_JPEG_FULL_SCANS * max_pixels // max(1, pixels))
    if data.count(b"\xff\xda") <= max_scans:  # a fast upper bound of the number of scans
        return
    scans = sum(marker == _START_OF_SCAN for marker, _ in _jpeg_segments(data))
    _check_limit(scans, max_scans, "The JPEG has too many scans")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields (marker, bytes skipped before it) of each segment up to the end of the image. Skips
    compressed pixels and markers without a length."""
    position = 2
    for number in count():
        match = _SEGMENT.search(data, position)
        if match is None or match[1][0] == _END_OF_IMAGE:
            return
        _check_limit(number, MAX_JPEG_SEGMENTS, "The JPEG has too many segments")
        yield match[1][0], match.start() - position
        position = match.end() + int.from_bytes(data[match.end() : match.end() + 2], "big")


def _check_jpeg(data: bytes) -> None:
    padding = 0
    for marker, skipped in _jpeg_segments(data):
        padding += skipped
        _check_limit(padding, MAX_JPEG_PADDING, "The JPEG has too much padding")
        if marker == _START_OF_SCAN:
            return
    _check_limit(len(data), MAX_JPEG_PADDING, "The JPEG has no pixels")


def _check_png(data: bytes) -> None:
    position, chunks = 8, 0
    while position < len(data):
        chunks += 1
        _check_limit(chunks, MAX_PNG_CHUNKS, "The PNG has too many chunks")
        if data[position + 4 : position + 8] == b"IEND":
            return
        position += 12 + int.from_bytes(data[position : position + 4], "big")


def _check_gif(data: bytes) -> None:
    position, blocks = 13, 0
    if len(data) > 10 and data[10] & 0x80:
        position += 3 * 2 ** ((data[10] & 7) + 1)
    while data[position : position + 1] == b"!":
        position += 2
        while size := int.from_bytes(data[position : position + 1], "big"):
            position += 1 + size
            blocks += 1
            _check_limit(blocks, MAX_GIF_BLOCKS, "The GIF has too many blocks")
        position += 1
        blocks += 1
        _check_limit(blocks, MAX_GIF_BLOCKS, "The GIF has too many blocks")


def _check_bmp(data: bytes) -> None:
    if int.from_bytes(data[14:18], "little") >= 40:
        compression = int.from_bytes(data[30:34], "little")
        if compression in _RUN_LENGTH_ENCODED:
            raise StructureError("The BMP is compressed; save it as JPEG and send it again.")


def _check_tiff(data: bytes) -> None:
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    start, length, entry = ("Q", "Q", "HHQQ") if big else ("I", "H", "HHII")
    try:
        (position,) = struct.unpack_from(order + start, data, 8 if big else 4)
        (tags,) = struct.unpack_from(order + length, data, position)
        _check_limit(tags, MAX_TIFF_TAGS, "The TIFF has too many tags")
        position += struct.calcsize(order + length)
        for number in range(tags):
            at = position + number * struct.calcsize(order + entry)
            tag, _, values, _ = struct.unpack_from(order + entry, data, at)
            if tag in _TIFF_PIECES:
                _check_limit(values, MAX_TIFF_PIECES, "The TIFF has too many strips or tiles")
    except (struct.error, OverflowError) as error:
        raise StructureError("The TIFF is damaged; save it as JPEG and send it again.") from error


def _check_limit(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise StructureError(f"{what}; save it anew and send it again.")


_CHECKS: dict[bytes, Callable[[bytes], None]] = {
    b"\xff\xd8\xff": _check_jpeg,
    b"\x89PNG": _check_png,
    b"GIF8": _check_gif,
    b"BM": _check_bmp,
    **dict.fromkeys((b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+"), _check_tiff),
}
