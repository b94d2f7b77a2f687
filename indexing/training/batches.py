"""Training batches: photos, the catalogue images of their products, and named pictures."""

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
    crop_around,
    degrade_photo,
    draw_box_margins,
    fit_to_square,
    recolour_image,
)
from indexing.training.pictures.cutouts import is_on_white, read_image
from indexing.training.pictures.shopper_photos import ShopperPhotos
from indexing.training.pictures.view_photos import vary_view

REAL_PHOTO_SHARE = 0.5  # of the photos of products that have real photos
OTHER_VIEW_SHARE = 0.75  # of composed photos, paired with another view of the product
NAMED_PICTURE_SHARE = 0.15  # named pictures per product of a batch
SIZE_OFFSETS = (-32, 0, 32)  # pixels, added to the image size at random


@dataclass(frozen=True)
class Batch:
    """`pixels`: uint8 (2n + k, s, s, 3), n photos, then n catalogue images, then k named pictures.
    `products` and `views`: (n,), the indexes of the catalogue images. `sources`: (n,), the view
    that the photo is, if it must be found by the other views of the product, else -1. `pictures`:
    (k,), the indexes of the named pictures."""

    pixels: torch.Tensor
    products: torch.Tensor
    views: torch.Tensor
    sources: torch.Tensor
    pictures: torch.Tensor


class Batches(Dataset[Batch]):
    """The training batches by step. A batch depends only on the seed and the step, so a resumed run
    continues with the same batches. `pictures`: files of named pictures, which show no product.
    `view_share`: share of the photos that are catalogue photos as they are, in place of composed
    ones."""

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
        view_share: float = 0.0,
    ) -> None:
        self._items, self._pictures, self._view_share = items, pictures, view_share
        self._products, self._size, self._seed = min(products, len(items)), size, seed
        self._photos: dict[int, list[Pair]] = {}
        for pair in pairs:
            self._photos.setdefault(pair.product, []).append(pair)
        self._categories: dict[str, list[int]] = {}
        for number, item in enumerate(items):
            self._categories.setdefault(item.category, []).append(number)
        self._studio = ShopperPhotos.from_items(items, backgrounds)

    def __getitem__(self, step: int) -> Batch:
        rng = Random(f"{self._seed} {step}")
        size = self._size + rng.choice(SIZE_OFFSETS)
        chosen = self._choose_products(rng)
        photos, images, views, sources = [], [], [], []
        for product in chosen:
            photo, view, source = self._make_photo(product, size, rng)
            photos.append(photo)
            images.append(self._read_catalogue_image(self._items[product].images[view], size, rng))
            views.append(view)
            sources.append(source)
        names = [
            rng.randrange(len(self._pictures))
            for _ in range(int(NAMED_PICTURE_SHARE * len(chosen)) if self._pictures else 0)
        ]
        named = [self._read_catalogue_image(self._pictures[name], size, rng) for name in names]
        pixels = np.stack([np.asarray(image) for image in [*photos, *images, *named]])
        return Batch(
            torch.from_numpy(pixels),
            torch.tensor(chosen),
            torch.tensor(views),
            torch.tensor(sources),
            torch.tensor(names, dtype=torch.int64),
        )

    def _choose_products(self, rng: Random) -> list[int]:
        """Chooses products from a few categories, because similar products are the most useful
        negatives."""
        names = list(self._categories)
        weights = [len(self._categories[name]) ** 0.5 for name in names]
        chosen: dict[int, None] = {}
        while len(chosen) < self._products:
            members = self._categories[rng.choices(names, weights)[0]]
            part = min(len(members), max(1, self._products // 4))
            chosen.update(dict.fromkeys(rng.sample(members, part)))
        return list(chosen)[: self._products]

    def _make_photo(self, product: int, size: int, rng: Random) -> tuple[Image.Image, int, int]:
        """Returns a photo of the product, the view that it is paired with, and its source."""
        views = len(self._items[product].images)
        if product in self._photos and chance(rng, REAL_PHOTO_SHARE):
            photo = vary_photo(rng.choice(self._photos[product]), size, rng)
            return photo, rng.randrange(views), -1
        view = rng.randrange(views)
        if self._view_share:
            whole = read_image(self._items[product].images[view])
            if chance(rng, self._view_share) or not is_on_white(whole):
                photo = vary_view(whole, size, rng)
                other = (view + rng.randrange(1, views)) % views if views > 1 else view
                return photo, other, view if views > 1 else -1
        photo = self._studio.make_close_up(product, view, size, rng)
        if views > 1 and chance(rng, OTHER_VIEW_SHARE):
            view = (view + rng.randrange(1, views)) % views
        return photo, view, -1

    def _read_catalogue_image(self, path: Path, size: int, rng: Random) -> Image.Image:
        image = read_image(path)
        return fit_to_square(recolour_image(image, rng, 0.3) if chance(rng, 0.5) else image, size)


def vary_photo(pair: Pair, size: int, rng: Random) -> Image.Image:
    """Crops the photo of a pair loosely to its box, recolours and degrades it. Returns a square of
    `size` pixels."""
    photo = read_image(pair.photo)
    if pair.box is not None:
        photo = crop_around(photo, pair.box, draw_box_margins(rng))
    return fit_to_square(degrade_photo(recolour_image(photo, rng, 0.8), rng), size)
