"""Turns photos into the input pixels of a model, as the model's own configuration says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

_INTERPOLATION = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

MAX_ASPECT = 32


@dataclass(frozen=True)
class Preprocessing:
    """open_clip's `preprocess_cfg`. Resizing happens here, on the photo; `mean` and `std` are
    applied inside the model (`open_clip_model.ImageTower`), so the input of the model is bytes."""

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"
    fill_color: int = 0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Preprocessing":
        """Reads the dictionary that open_clip stores as `visual.preprocess_cfg`."""
        size = config["size"]
        height, width = (size, size) if isinstance(size, int) else (size[-2], size[-1])
        return cls(
            height,
            width,
            tuple(config["mean"]),
            tuple(config["std"]),
            config.get("interpolation") or "bicubic",
            config.get("resize_mode") or "shortest",
            config.get("fill_color") or 0,
        )

    def config(self) -> dict[str, Any]:
        """Returns the dictionary from which `from_config` makes the same preprocessing."""
        return {**asdict(self), "size": [self.height, self.width]}

    def pixels(self, image: Image.Image) -> np.ndarray:
        """An RGB image → uint8 of shape (height, width, 3): the output of open_clip's inference
        transform before normalisation."""
        image = _crop_long(image)
        resized = image.resize(self._resized(image.size), self._filter())
        if resized.size != (self.width, self.height):
            resized = self._crop_or_pad(resized)
        return np.asarray(resized)

    def batch(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Converts RGB images → uint8 of shape (n, height, width, 3)."""
        return np.stack([self.pixels(image) for image in images])

    def to_input(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Maps boxes of a photo of `size` (width, height) to the output of `pixels`: (n, 4) x1, y1,
        x2, y2 as fractions of the photo → as fractions of the input, float64. Parts that are
        cropped away are below 0 or above 1."""
        scale, shift = self._placement(size)
        return np.asarray(boxes, np.float64) * np.tile(scale, 2) + np.tile(shift, 2)

    def to_photo(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Does the inverse of `to_input`. Parts of the padding are below 0 or above 1."""
        scale, shift = self._placement(size)
        return (np.asarray(boxes, np.float64) - np.tile(shift, 2)) / np.tile(scale, 2)

    def _placement(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Returns (scale, shift) for x and y, by the same steps as `pixels`: fraction of the input
        = scale * fraction of the photo + shift."""
        start = _middle(size)[:2]
        kept = size[0] - 2 * start[0], size[1] - 2 * start[1]
        resized, inputs = self._resized(kept), (self.width, self.height)
        scale, shift = np.empty(2), np.empty(2)
        for axis in (0, 1):
            missing = inputs[axis] - resized[axis]
            offset = missing // 2 if missing > 0 else -round(-missing / 2)
            ratio = resized[axis] / kept[axis]  # pixels of the input for one of the photo
            scale[axis] = ratio * size[axis] / inputs[axis]
            shift[axis] = (offset - ratio * start[axis]) / inputs[axis]
        return scale, shift

    def _filter(self) -> Image.Resampling:
        if self.resize_mode == "shortest" and self.height != self.width:
            return Image.Resampling.BICUBIC  # open_clip ignores the setting here
        return _INTERPOLATION[self.interpolation]

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """Returns (width, height) after scaling, before cropping or padding."""
        width, height = size
        if self.resize_mode == "squash":
            return self.width, self.height
        if self.resize_mode == "longest":
            ratio = max(height / self.height, width / self.width)
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        short = min(width, height)
        if self.height == self.width:  # torchvision truncates the longer side
            return int(self.width * width / short), int(self.height * height / short)
        ratio = min(height / self.height, width / self.width)
        return round(width / ratio), round(height / ratio)

    def _crop_or_pad(self, image: Image.Image) -> Image.Image:
        missing_x, missing_y = self.width - image.width, self.height - image.height
        if missing_x > 0 or missing_y > 0:
            x, y = max(missing_x, 0), max(missing_y, 0)
            border = (x // 2, y // 2, (x + 1) // 2, (y + 1) // 2)
            image = ImageOps.expand(image, border, fill=(self.fill_color,) * 3)
        left = round((image.width - self.width) / 2)
        top = round((image.height - self.height) / 2)
        return image.crop((left, top, left + self.width, top + self.height))


def _crop_long(image: Image.Image) -> Image.Image:
    box = _middle(image.size)
    return image if box == (0, 0, *image.size) else image.crop(box)


def _middle(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns left, top, right and bottom of the part of a photo that is used: the middle, at most
    MAX_ASPECT times as long as wide. This limits the size of the photo when its short side is
    scaled up to the model's input."""
    max_side = MAX_ASPECT * min(size)
    left, top = (max(0, side - max_side) // 2 for side in size)
    return left, top, size[0] - left, size[1] - top
