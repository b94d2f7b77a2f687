"""Products cut out of their catalogue photos, which show them on white."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

WHITE = 250  # of 255, in every channel
LONGEST = 288  # pixels; no training picture needs more


def read_image(path: Path) -> Image.Image:
    """The photo as RGB, what is transparent on white."""
    with Image.open(path) as image:
        if not image.has_transparency_data:
            return image.convert("RGB")
        layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def cut_out(image: Image.Image) -> Image.Image:
    """An RGB photo on white → RGBA, cut to what is not background. Background is the white that a
    straight line reaches from an edge; white inside the product stays."""
    small = image.copy()
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR)
    white = np.asarray(small).min(axis=2) >= WHITE
    reach = np.logical_and.accumulate
    background = reach(white, 0) | reach(white[::-1], 0)[::-1]
    background |= reach(white, 1) | reach(white[:, ::-1], 1)[:, ::-1]
    mask = Image.fromarray(np.where(background, 0, 255).astype(np.uint8))
    closed = mask.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.MinFilter(5))
    alpha = closed.filter(ImageFilter.GaussianBlur(0.7))
    small.putalpha(alpha)
    return small.crop(alpha.point(lambda value: 255 * (value > 40)).getbbox())
