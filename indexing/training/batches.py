"""What one step of training sees: photos, the catalogue images they belong to, and pictures that
have only names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from indexing.training.pairs import Item, Pair
from indexing.training.pictures.augment import (
    chance,
    cropped_about,
    fitted,
    loose_margins,
    photographed,
    recoloured,
)
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import ShopperPhotos

REAL_PHOTOS = 0.5  # share of the queries of products that have photos
OTHER_VIEW = 0.75  # share of composed photos whose catalogue image is another view
NAMED_PICTURES = 0.15  # as many as this share of the products, beside them
SIZES = (-32, 0, 32)  # pixels, about the size that is trained at


@dataclass(frozen=True)
class Batch:
    """`pixels`: uint8 (2n + k, s, s, 3), n photos, then n catalogue images, then k pictures;
    `products`, `views`: (n,) which the catalogue images are; `pictures`: (k,) which."""

    pixels: torch.Tensor
    products: torch.Tensor
    views: torch.Tensor
    pictures: torch.Tensor


class Batches(Dataset[Batch]):
    """Batch number k is always the same, whoever makes it: a run that is resumed goes on as it
    would have. `pictures`: files of images that have only names."""

    def __init__(
        self,
        items: Sequence[Item],
        pairs: Sequence[Pair],
        backgrounds: Sequence[Image.Image],
        pictures: Sequence[Path],
        *,
        products: int,
        size: int,
        seed: str,
    ) -> None:
        self._items, self._pictures = items, pictures
        self._products, self._size, self._seed = min(products, len(items)), size, seed
        self._photos: dict[int, list[Pair]] = {}
        for pair in pairs:
            self._photos.setdefault(pair.product, []).append(pair)
        self._categories: dict[str, list[int]] = {}
        for number, item in enumerate(items):
            self._categories.setdefault(item.category, []).append(number)
        self._studio = ShopperPhotos.of(items, backgrounds)

    def __getitem__(self, step: int) -> Batch:
        rng = Random(f"{self._seed} {step}")
        size = self._size + rng.choice(SIZES)
        chosen = self._choose(rng)
        photos, images, views = [], [], []
        for product in chosen:
            photo, view = self._photo(product, size, rng)
            photos.append(photo)
            images.append(self._image(self._items[product].images[view], size, rng))
            views.append(view)
        names = [
            rng.randrange(len(self._pictures))
            for _ in range(int(NAMED_PICTURES * len(chosen)) if self._pictures else 0)
        ]
        named = [self._image(self._pictures[name], size, rng) for name in names]
        pixels = np.stack([np.asarray(image) for image in [*photos, *images, *named]])
        return Batch(
            torch.from_numpy(pixels),
            torch.tensor(chosen),
            torch.tensor(views),
            torch.tensor(names, dtype=torch.int64),
        )

    def _choose(self, rng: Random) -> list[int]:
        """Products of a few categories: those alike are the negatives that teach most."""
        names = list(self._categories)
        weights = [len(self._categories[name]) ** 0.5 for name in names]
        chosen: dict[int, None] = {}
        while len(chosen) < self._products:
            members = self._categories[rng.choices(names, weights)[0]]
            part = min(len(members), max(1, self._products // 4))
            chosen.update(dict.fromkeys(rng.sample(members, part)))
        return list(chosen)[: self._products]

    def _photo(self, product: int, size: int, rng: Random) -> tuple[Image.Image, int]:
        views = len(self._items[product].images)
        if product in self._photos and chance(rng, REAL_PHOTOS):
            return self._real(rng.choice(self._photos[product]), size, rng), rng.randrange(views)
        view = rng.randrange(views)
        photo = self._studio.close_up(product, view, size, rng)
        if views > 1 and chance(rng, OTHER_VIEW):
            view = (view + rng.randrange(1, views)) % views
        return photo, view

    def _real(self, pair: Pair, size: int, rng: Random) -> Image.Image:
        photo = read_image(pair.photo)
        if pair.box is not None:
            photo = cropped_about(photo, pair.box, loose_margins(rng))
        return fitted(photographed(recoloured(photo, rng, 0.8), rng), size)

    def _image(self, path: Path, size: int, rng: Random) -> Image.Image:
        image = read_image(path)
        return fitted(recoloured(image, rng, 0.3) if chance(rng, 0.5) else image, size)
