"""What the head of the starter encoder learns from at the end: photos, and the images among which
each must be found, as features of a trunk that no longer changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from catalog.quality.labelled_photos import read_photos
from catalog.visual.plain_features import BATCH_SIZE, PREPROCESSING, PlainFeatures
from indexing.training.batches import vary_photo
from indexing.training.pairs import Item, Pair
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import ShopperPhotos
from indexing.training.pictures.view_photos import vary_view

NO_COPY = -1
DETAILS = 2  # of each photograph
DETAIL_WEIGHT, KIND_WEIGHT = 0.5, 2.0

Photo = tuple[Image.Image, int, int]
"""A photo, what it shows, and the row of the gallery that it was made from, or NO_COPY."""


@dataclass(frozen=True)
class Lesson:
    """`photos`: features (n, 1280), and `labels`: what they show, int64 (n,). `gallery`: features
    (m, 1280) of images, and `shown`: what they show, (m,). `copies`: the row of the gallery by
    which a photo must not be found, because it was made from it, int64 (n,), or NO_COPY. `weight`:
    of its loss among those of the other lessons."""

    photos: torch.Tensor
    labels: torch.Tensor
    gallery: torch.Tensor
    shown: torch.Tensor
    copies: torch.Tensor
    weight: float = 1.0


def make_product_lesson(
    trunk: PlainFeatures,
    items: Sequence[Item],
    pairs: Sequence[Pair],
    rng: Random,
    studio: ShopperPhotos | None = None,
) -> Lesson:
    """Photos of products are found among the catalogue images. `studio` composes more of them."""
    photos: Iterable[Photo] = _vary_pairs(pairs, rng)
    files = [file for item in items for file in item.images]
    owners = [number for number, item in enumerate(items) for _ in item.images]
    if studio is not None:
        photos = chain(photos, _compose(studio, items, rng))
    return _make_lesson(trunk, photos, files, owners)


def make_kind_lesson(trunk: PlainFeatures, photos: Path, rng: Random) -> Lesson:
    """Photos of a list of kinds are found by other photos of their kind."""
    rows = read_photos(photos, by_kind=True)
    kinds = sorted({row.kind for row in rows})
    shown = [kinds.index(row.kind) for row in rows]
    pairs = [Pair(row.path, None, number) for number, row in enumerate(rows)]
    varied = ((photo, shown[row], row) for photo, row, _ in _vary_pairs(pairs, rng))
    return _make_lesson(trunk, varied, [row.path for row in rows], shown, KIND_WEIGHT)


def make_detail_lesson(trunk: PlainFeatures, files: Sequence[Path], rng: Random) -> Lesson:
    """Details of photographs are found by the photographs that they were cut out of."""
    details: Iterable[Photo] = (
        (vary_view(read_image(file), PREPROCESSING.width, rng), row, NO_COPY)
        for row, file in enumerate(files)
        for _ in range(DETAILS)
    )
    return _make_lesson(trunk, details, files, range(len(files)), DETAIL_WEIGHT)


def compute_features(
    trunk: PlainFeatures, images: Iterable[Image.Image], what: str
) -> torch.Tensor:
    """Returns the pooled features of RGB images, float32 (n, 1280)."""
    upcoming, parts = iter(tqdm(images, what)), []
    while batch := list(islice(upcoming, BATCH_SIZE)):
        parts.append(trunk.pool_images(batch))
    return torch.from_numpy(np.concatenate(parts))


def _make_lesson(
    trunk: PlainFeatures,
    photos: Iterable[Photo],
    files: Sequence[Path],
    shown: Sequence[int],
    weight: float = 1.0,
) -> Lesson:
    facts: list[tuple[int, int]] = []

    def images() -> Iterator[Image.Image]:
        for photo, label, copy in photos:
            facts.append((label, copy))
            yield photo

    features = compute_features(trunk, images(), "Photos")
    gallery = compute_features(trunk, map(read_image, files), "Images")
    labels, copies = torch.tensor(facts).T
    return Lesson(features, labels, gallery, torch.tensor(shown), copies, weight)


def _vary_pairs(pairs: Sequence[Pair], rng: Random) -> Iterator[Photo]:
    for pair in pairs:
        yield vary_photo(pair, PREPROCESSING.width, rng), pair.product, NO_COPY


def _compose(studio: ShopperPhotos, items: Sequence[Item], rng: Random) -> Iterator[Photo]:
    """Composes a photo of each view. A product with several must be found by another one."""
    row = 0
    for number, item in enumerate(items):
        for view in range(len(item.images)):
            photo = studio.make_close_up(number, view, PREPROCESSING.width, rng)
            yield photo, number, row if len(item.images) > 1 else NO_COPY
            row += 1
