"""Recall while training goes on, on photos that it never learns from."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from indexing.training.pairs import Item, read_pairs
from indexing.training.pictures.augment import cropped_about, fitted
from indexing.training.pictures.cutouts import read_image

MOST_PHOTOS = 200  # of a list: enough for a curve
MARGIN = 0.04  # about a box, of its sides

Encode = Callable[[torch.Tensor], torch.Tensor]
"""uint8 (n, size, size, 3) → unit (n, d)."""


class HeldOut:
    """Labelled photos by list, cut to their boxes, and the catalogue they are looked up in."""

    def __init__(self, items: Sequence[Item], lists: Iterable[Path], size: int) -> None:
        self._items, self._size = items, size
        self._views = max(len(item.images) for item in items)
        self._lists: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        for path in lists:
            pairs = read_pairs([path], list(items))
            pairs = pairs[:: max(1, len(pairs) // MOST_PHOTOS)]
            photos = [read_image(pair.photo) for pair in pairs]
            cut = [
                cropped_about(photo, pair.box, (MARGIN,) * 4) if pair.box else photo
                for photo, pair in zip(photos, pairs, strict=True)
            ]
            products = torch.tensor([pair.product for pair in pairs])
            name = path.parent.name if path.stem == "photos" else path.stem
            self._lists[name] = self._pixels(cut), products

    def catalogue(self, encode: Encode) -> torch.Tensor:
        """Unit (products, views, d); a product with fewer views has its first one again."""
        files = [
            item.images[view if view < len(item.images) else 0]
            for item in self._items
            for view in range(self._views)
        ]
        rows = [
            encode(self._pixels([read_image(file) for file in files[start : start + 64]]))
            for start in range(0, len(files), 64)
        ]
        return torch.cat(rows).unflatten(0, (len(self._items), self._views))

    def recalls(self, encode: Encode, bank: torch.Tensor) -> dict[str, float]:
        """Recall@1 and @5 by list, against the best view of each product in `bank`."""
        figures = {}
        for name, (pixels, products) in self._lists.items():
            vectors = encode(pixels)
            best = torch.einsum("nd,pvd->npv", vectors, bank).amax(2).cpu()
            right = best.gather(1, products[:, None])
            ranks = (best > right).sum(1)
            for depth in (1, 5):
                figures[f"{name} recall@{depth}"] = (ranks < depth).float().mean().item()
        return figures

    def _pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        fit = [np.asarray(fitted(image, self._size)) for image in images]
        return torch.from_numpy(np.stack(fit))
