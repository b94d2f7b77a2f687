"""Decodes photos to upright RGB images, or refuses them with a sentence. Safe in threads."""

import math
import re
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import pillow_heif
from PIL import Image

from catalog.imaging.image_structure import StructureError, check_scans, check_structure

# Registering all plugins here keeps the first requests from registering them concurrently.
pillow_heif.register_heif_opener()
Image.init()

# JPEG includes MPO. AVIF must come before HEIF: both accept the brand `mif1`, and AVIF passes on
# the files that it cannot read.
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

_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}

_PILLOW = r"(PIL|pillow_heif)\."
_WARNING_FILTER = ("ignore", None, Warning, re.compile(_PILLOW), 0)
_STATUS = {"image_type_unsupported": 415, "image_too_large": 413, "image_too_many_pixels": 413}

_MAX_SIDE = 65_535  # pixels, the limit of JPEG
_MIN_SPARSE_PIXELS = 5_000_000  # smaller photos may have any number of pixels for each byte
_MAX_PIXELS_PER_BYTE = 800  # a camera's black photo of 40 megapixels has a tenth of that
_MAX_RESULT_PIXELS = 6_000_000  # if the caller gives `at_least`
_MIN_SHRUNK_PIXELS = 4_000_000  # shrinking a smaller photo saves nothing
_BAND_PIXELS = 2_000_000  # of a band that is converted in one step


Box = tuple[float, float, float, float]
"""x, y, w, h: a part of a photo, as fractions (0 to 1) of the upright photo."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class ImageError(ValueError):
    """A photo cannot be used. As a string, it is a sentence for the person who sent the photo.

    `code` is `image_missing`, `image_unreadable`, `image_type_unsupported`, `image_too_large`
    (bytes) or `image_too_many_pixels`; `status` is the HTTP status of the
    code: 400, 413 or 415.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, _STATUS.get(code, 400)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class ImageLimits:
    """Limits of accepted photos. Pillow's own limit, about 179 million pixels, applies as well."""

    max_bytes: int = 15 * 1024 * 1024
    max_pixels: int = 40_000_000


DEFAULT_LIMITS = ImageLimits()


def decode_image(
    data: bytes,
    *,
    box: Box = WHOLE,
    at_least: int | None = None,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> Image.Image:
    """Returns the first frame of an encoded photo, cropped to `box`: mode RGB, upright, on white,
    without metadata.

    `at_least` is the length in pixels that the caller needs for the shorter side of the result.
    With it, JPEGs and all photos of over 4 megapixels are shrunk by a whole factor while they are
    decoded. The shorter side stays at least that long, unless the result would have over 6
    megapixels and over (2 * at_least)² pixels: such a result is shrunk further. Raises only
    `ImageError` for bytes that are not a usable photo.
    """
    _check_bytes(data, limits)
    _check_type(data)
    _ignore_metadata_warnings()
    try:
        check_structure(data)
        return _read(data, box, at_least, limits)
    except ImageError:
        raise
    except StructureError as error:
        raise ImageError("image_unreadable", str(error)) from error
    except Image.DecompressionBombError as error:
        sentence = f"Send an image of at most {limits.max_pixels / 1e6:g} megapixels."
        raise ImageError("image_too_many_pixels", sentence) from error
    except Exception as error:  # decoders raise any exception for bad bytes
        raise ImageError("image_unreadable", _DAMAGED) from error


def crop_to_box(image: Image.Image, box: Box) -> Image.Image:
    """Returns the part of `image` inside `box`: x, y, w, h as fractions (0 to 1) of the upright
    image. Edges are rounded to pixels inside the image, and each side keeps at least one pixel."""
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
    """Ignores Pillow's warnings about unusual metadata, for good: `catch_warnings` is not safe in
    threads."""
    if _WARNING_FILTER not in warnings.filters:
        warnings.filterwarnings("ignore", module=_PILLOW)


def _read(data: bytes, box: Box, at_least: int | None, limits: ImageLimits) -> Image.Image:
    side = math.ceil(at_least / min(box[2:])) if at_least else None  # of the whole photo, in pixels
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        _check_size(image.size, len(data), limits)
        if image.format in ("JPEG", "MPO"):
            check_scans(data, image.width * image.height, limits.max_pixels)
            if side:
                image.draft(None, (side, side))
        image.load()
        # The orientation is known after loading: a PNG may end with its EXIF, and Pillow turns
        # TIFFs.
        turn = _UPRIGHT.get(_orientation(image))
        width, height = image.size[::-1] if turn in _SIDEWAYS else image.size
        shown = width * box[2], height * box[3]
        upright = _to_small_rgb(image, _shrink_factor(shown, at_least))
    if turn is not None:
        upright = upright.transpose(turn)
    upright.info.clear()  # callers would turn the image again by its EXIF orientation
    return upright if box == WHOLE else crop_to_box(upright, box)


def _check_size(size: tuple[int, int], length: int, limits: ImageLimits) -> None:
    pixels = size[0] * size[1]
    if pixels > limits.max_pixels:
        raise Image.DecompressionBombError(f"{size[0]} x {size[1]} pixels")
    if max(size) > _MAX_SIDE:
        sentence = f"Send an image of at most {_MAX_SIDE:,} pixels a side."
        raise ImageError("image_too_many_pixels", sentence)
    if pixels > max(_MIN_SPARSE_PIXELS, _MAX_PIXELS_PER_BYTE * length):
        sentence = "The image has too little content for its size; send a smaller copy of it."
        raise ImageError("image_unreadable", sentence)


def _shrink_factor(size: tuple[float, float], at_least: int | None) -> int:
    """Returns the factor by which to shrink a photo whose requested part has `size` (width,
    height)."""
    if not at_least or size[0] * size[1] < _MIN_SHRUNK_PIXELS:
        return 1
    max_pixels = max(_MAX_RESULT_PIXELS, (2 * at_least) ** 2)
    excess = math.sqrt(size[0] * size[1] / max_pixels)
    return max(1, int(min(size) / at_least), math.ceil(excess))


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(0x0112, 1)
    except (LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return 1  # a photo with damaged EXIF is still usable


def _to_small_rgb(image: Image.Image, factor: int) -> Image.Image:
    """Converts an image to RGB and shrinks it by `factor`, band by band: converting a whole photo
    of 40 megapixels takes several copies of 160 MB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        scale = _grey_scale(image)
    else:
        scale = None
    if factor == 1 and image.mode == "RGB" and not image.has_transparency_data:
        return image.copy()
    rows = max(1, _BAND_PIXELS // (image.width * factor)) * factor
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        rgb = _to_rgb(band, scale)
        small.paste(rgb.reduce(factor) if factor > 1 else rgb, (0, top // factor))
    return small


def _to_rgb(image: Image.Image, grey: tuple[float, float] | None) -> Image.Image:
    if grey is not None:
        image = _to_eight_bits(image, *grey)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _grey_scale(image: Image.Image) -> tuple[float, float]:
    """Returns (scale, offset) that map grey values of 16 bits, 32 bits or floats to 0 to 255. White
    is 1, 255 or 65535 if the values fit, else the greatest value."""
    low, high = cast("tuple[float, float]", image.getextrema())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif low >= 0:
        low, high = 0.0, next((white for white in (1.0, 255.0, 65535.0) if high <= white), high)
    if not math.isfinite(high - low):
        raise ImageError("image_unreadable", "The image holds no usable values; save it as JPEG.")
    scale = 255 / (high - low or 1)
    return scale, 0.5 - low * scale


def _to_eight_bits(image: Image.Image, scale: float, offset: float) -> Image.Image:
    grey = image.convert("F").point(lambda value: value * scale + offset).convert("L")
    grey.info.clear()  # it may name a transparent colour in the old depth
    return grey
