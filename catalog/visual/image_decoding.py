"""Photos as people send them, made into upright RGB images, or refused with a sentence.

Others use `decode_image`, `crop_to_box`, `ImageLimits` and `ImageError`, from any thread.
"""

import math
import re
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import pillow_heif
from PIL import Image

# Every plugin is registered once, here, so that no first request races to do it.
pillow_heif.register_heif_opener()
Image.init()

# JPEG brings MPO. AVIF stands before HEIF: both claim the brand `mif1`, and AVIF steps back.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
_DAMAGED = "The image is damaged or incomplete; send the original file again."

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_PILLOW = r"(PIL|pillow_heif)\."
_QUIET = ("ignore", None, Warning, re.compile(_PILLOW), 0)
_STATUS = {"image_type_unsupported": 415, "image_too_large": 413, "image_too_many_pixels": 413}

_MAX_JPEG_SCANS = 100  # cameras write 1 to about 12
_SCAN = b"\xff\xda"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


class ImageError(ValueError):
    """A photo that cannot be used; as a string, a sentence for the person who sent it.

    `code` is `image_missing`, `image_unreadable`, `image_type_unsupported`, `image_too_large`
    (bytes) or `image_too_many_pixels`; `status` is the HTTP status that fits: 400, 413 or 415.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, _STATUS.get(code, 400)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class ImageLimits:
    """What is accepted. Pillow's own ceiling (about 179 million pixels) stays in force above."""

    max_bytes: int = 15 * 1024 * 1024
    max_pixels: int = 40_000_000


DEFAULT_LIMITS = ImageLimits()


def decode_image(
    data: bytes, *, at_least: int | None = None, limits: ImageLimits = DEFAULT_LIMITS
) -> Image.Image:
    """The first frame of an encoded photo: mode RGB, upright, on white, without metadata.

    `at_least` is the smallest side, in pixels, that the caller can use: a JPEG is then decoded
    at 1/2, 1/4 or 1/8 scale as far as neither side gets shorter than that. To crop a box out
    of the result, ask for the crop's side divided by the smaller of the box's `w` and `h`.
    Raises `ImageError`, and nothing else, for bytes that are not a usable photo.
    """
    _check_bytes(data, limits)
    _check_type(data)
    _ignore_metadata_warnings()
    try:
        return _read(data, at_least, limits)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        sentence = f"Send an image of at most {limits.max_pixels / 1e6:g} megapixels."
        raise ImageError("image_too_many_pixels", sentence) from error
    except Exception as error:  # decoders raise nearly every kind of exception on bad bytes
        raise ImageError("image_unreadable", _DAMAGED) from error


def crop_to_box(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """The part of `image` inside `box`: x, y, w, h as fractions (0 to 1) of the upright image.

    Edges go to the nearest pixel and stay inside; each side keeps at least one pixel.
    """
    x, y, w, h = box
    left, right = _edges(x, w, image.width)
    top, bottom = _edges(y, h, image.height)
    return image.crop((left, top, right, bottom))


def _edges(start: float, length: float, pixels: int) -> tuple[int, int]:
    first = min(max(round(start * pixels), 0), pixels - 1)
    return first, min(max(round((start + length) * pixels), first + 1), pixels)


def _check_bytes(data: bytes, limits: ImageLimits) -> None:
    if not data:
        raise ImageError("image_missing", "The image is missing or empty; choose a photo to send.")
    if len(data) > limits.max_bytes:
        sentence = f"Send an image of at most {limits.max_bytes / 1024**2:g} MB."
        raise ImageError("image_too_large", sentence)


def _check_type(data: bytes) -> None:
    prefix, start = data[:16], data[:2048].lower()
    accepts = (Image.OPEN[name][1] for name in _FORMATS)
    if any(accept is not None and accept(prefix) for accept in accepts):
        return
    found = "an SVG drawing" if b"<svg" in start else "not a photo of a known kind"
    sentence = f"The file is {found}; send JPEG, PNG, WebP, HEIC or AVIF."
    raise ImageError("image_type_unsupported", sentence)


def _ignore_metadata_warnings() -> None:
    """Odd metadata in a photo is no news to anybody: Pillow's warnings about it are dropped.

    A filter that stays, and not `catch_warnings`, which is not safe between threads.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=_PILLOW)


def _read(data: bytes, at_least: int | None, limits: ImageLimits) -> Image.Image:
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > limits.max_pixels:
            raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
        if image.format in ("JPEG", "MPO"):
            _check_scans(data)
            if at_least:
                image.draft(None, (at_least, at_least))
        image.load()
        # Only now: a PNG may hold its EXIF last, a TIFF turns itself while loading.
        turn = _UPRIGHT.get(_orientation(image))
        rgb = _to_rgb(image)
        upright = rgb.copy() if turn is None and rgb is image else rgb
    if turn is not None:
        upright = upright.transpose(turn)
    upright.info.clear()  # else an EXIF orientation stays, and somebody turns the image again
    return upright


def _check_scans(data: bytes) -> None:
    """A progressive JPEG of 15 MB can hold 200,000 scans, each a pass over the whole image."""
    if data.count(_SCAN) <= _MAX_JPEG_SCANS:  # an upper bound, and quick
        return
    scans, position = 0, 2
    while (marker := _JPEG_MARKER.search(data, position)) and marker[0] != b"\xff\xd9":
        scans += marker[0] == _SCAN
        if scans > _MAX_JPEG_SCANS:
            raise ImageError("image_unreadable", "The JPEG has too many scans; save it anew.")
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(0x0112, 1)
    except (LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return 1  # broken EXIF does not spoil a good photo


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _to_eight_bits(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or floats as L: by the usual white (1, 255, 65535) or by range."""
    values = image.convert("F")
    low, high = cast("tuple[float, float]", values.getextrema())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif low >= 0:
        low, high = 0.0, next((white for white in (1.0, 255.0, 65535.0) if high <= white), high)
    if not math.isfinite(high - low):
        raise ImageError("image_unreadable", "The image holds no usable values; save it as JPEG.")
    scale = 255 / (high - low or 1)
    grey = values.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
    grey.info.clear()  # a transparent colour would be named in the old depth
    return grey
