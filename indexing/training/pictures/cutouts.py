"""Cuts products out of their catalogue images, which show them on white."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

MIN_WHITE = 250  # of 255, in each channel of a background pixel
MAX_SIDE = 288  # pixels of a cut-out; no training picture needs more
MIN_WHITE_EDGE = 0.6  # of the pixels at the edge of an image whose product can be cut out
MAX_CACHED = 2400  # cut-outs in memory, up to 330 KB each


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


def is_on_white(image: Image.Image) -> bool:
    """Returns whether a product can be cut out of an RGB image: whether its edge is mostly
    white."""
    small = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR)).min(axis=2)
    edge = np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]])
    return bool((edge >= MIN_WHITE).mean() >= MIN_WHITE_EDGE)


class FileCutouts(Sequence[Image.Image]):
    """The cut-outs of a product's images, by view. They are made when they are needed, and
    MAX_CACHED of all products are kept in memory."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, view: Any) -> Any:
        return _cut_out_file(self._files[view])


@lru_cache(MAX_CACHED)
def _cut_out_file(file: Path) -> Image.Image:
    return cut_out(read_image(file))
