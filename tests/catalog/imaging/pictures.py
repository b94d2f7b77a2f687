"""Pictures of known colours, and what is expected of them when they are decoded."""

import binascii
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from catalog.imaging.image_decoding import ImageError, decode_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)
EVERY_FORMAT = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def red_corner(width: int = 320, height: int = 160) -> Image.Image:
    """Blue, wider than high, with the upper left quarter red."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    return image


def turned_camera(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def close(pixel: object, colour: tuple[int, int, int], within: int = 12) -> bool:
    return bool(np.abs(np.subtract(pixel, colour)).max() <= within)


def quarters(image: Image.Image) -> str:
    """The colours of the four quarters, row by row, R or B."""
    w, h = image.size
    centres = [
        (w // 4, h // 4),
        (3 * w // 4, h // 4),
        (w // 4, 3 * h // 4),
        (3 * w // 4, 3 * h // 4),
    ]
    return "".join("R" if image.getpixel(at)[0] > image.getpixel(at)[2] else "B" for at in centres)


def png_chunk(name: bytes, body: bytes) -> bytes:
    checksum = binascii.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body + end


def refusal(data: bytes, **options: object) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data, **options)
    assert str(caught.value).endswith("."), "a sentence"
    return caught.value
