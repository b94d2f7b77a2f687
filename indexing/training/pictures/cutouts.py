"""Cuts products out of their catalogue images, which show them on white."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

MIN_WHITE = 250  # of 255, in each channel of a background pixel
MAX_SIDE = 288  # pixels of a cut-out; no training picture needs more


def read_image(path: Path) -> Image.Image:
    """Reads an image as RGB, with transparent pixels on white."""
    with Image.open(path) as image:
        if not image.has_transparency_data:
            return image.convert("RGB")
        layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def cut_out(image: Image.Image) -> Image.Image:
    """Cuts the product out of an RGB image on white. Returns RGBA, cropped to the product. White
    pixels are background if a horizontal or vertical line of white pixels joins them to an edge, so
    white inside the product stays."""
    small = image.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BILINEAR)
    white = np.asarray(small).min(axis=2) >= MIN_WHITE
    reach = np.logical_and.accumulate
    background = reach(white, 0) | reach(white[::-1], 0)[::-1]
    background |= reach(white, 1) | reach(white[:, ::-1], 1)[:, ::-1]
    mask = Image.fromarray(np.where(background, 0, 255).astype(np.uint8))
    closed = mask.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.MinFilter(5))
    alpha = closed.filter(ImageFilter.GaussianBlur(0.7))
    small.putalpha(alpha)
    return small.crop(alpha.point(lambda value: 255 * (value > 40)).getbbox())
