"""The limits that hostile photos go to, and the pictures that they are made of."""

import io
from collections.abc import Callable

from PIL import Image

MAX_BYTES = 15 * 1024 * 1024
SIDE = 6324  # SIDE × SIDE is just below 40 megapixels
WIDE = (40_000_000, 1)

Maker = Callable[[], bytes]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(mode: str = "RGB", size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    return Image.new(mode, size, 128 if mode in ("L", "1", "P") else (128,) * len(mode))
