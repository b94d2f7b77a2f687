"""Measures recall on held-out photos during training."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from indexing.training.pairs import Item, read_pairs
from indexing.training.pictures.augment import crop_around, fit_to_square
from indexing.training.pictures.cutouts import read_image

MAX_PHOTOS_PER_LIST = 200  # enough for a curve
BOX_MARGIN = 0.04  # around a box, as a share of its sides

Encode = Callable[[torch.Tensor], torch.Tensor]
"""Encodes pixels, uint8 (n, size, size, 3), as vectors (n, d)."""


class HeldOut:
    """Lists of labelled photos, cropped to their boxes, and the catalogue to find them in."""

    def __init__(self, items: Sequence[Item], lists: Iterable[Path], size: int) -> None:
        self._items, self._size = items, size
        self._views = max(len(item.images) for item in items)
        self._lists: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        for path in lists:
            pairs = read_pairs([path], list(items))
            pairs = pairs[:: max(1, len(pairs) // MAX_PHOTOS_PER_LIST)]
            photos = [read_image(pair.photo) for pair in pairs]
            cut = [
                crop_around(photo, pair.box, (BOX_MARGIN,) * 4) if pair.box else photo
                for photo, pair in zip(photos, pairs, strict=True)
            ]
            products = torch.tensor([pair.product for pair in pairs])
            name = path.parent.name if path.stem == "photos" else path.stem
            self._lists[name] = self._stack_pixels(cut), products

    def encode_catalogue(self, encode: Encode) -> torch.Tensor:
        """Returns unit vectors of all views, (products, views, d). Repeats the first view of
        products with fewer views."""
        vectors = self._encode_files([file for item in self._items for file in item.images], encode)
        first, rows = 0, []
        for item in self._items:
            views = len(item.images)
            rows.append([first + (v if v < views else 0) for v in range(self._views)])
            first += views
        return vectors[torch.tensor(rows)]

    def encode_first_views(self, items: Sequence[Item], encode: Encode) -> torch.Tensor:
        """Returns the vectors of the first view of each item, (items, d)."""
        return self._encode_files([item.images[0] for item in items], encode)

    def _encode_files(self, files: Sequence[Path], encode: Encode) -> torch.Tensor:
        parts = [files[start : start + 64] for start in range(0, len(files), 64)]
        return torch.cat(
            [encode(self._stack_pixels([read_image(file) for file in part])) for part in parts]
        )

    def measure_recalls(self, encode: Encode, bank: torch.Tensor) -> dict[str, float]:
        """Returns recall@1 and recall@5 of each list. The best view of each product in `bank`
        counts."""
        figures = {}
        for name, (pixels, products) in self._lists.items():
            vectors = encode(pixels)
            best = torch.einsum("nd,pvd->npv", vectors, bank).amax(2).cpu()
            right = best.gather(1, products[:, None])
            ranks = (best > right).sum(1)
            for depth in (1, 5):
                figures[f"{name} recall@{depth}"] = (ranks < depth).float().mean().item()
        return figures

    def _stack_pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        fit = [np.asarray(fit_to_square(image, self._size)) for image in images]
        return torch.from_numpy(np.stack(fit))
