"""Photos of nothing that the shop sells, and how closely the catalogue resembles them.

The photos show animals, plants, landscapes, buildings and rockets. No encoder is trained over them.
A shopper's photo of nothing may show a part of such a scene, such as a wall or grass, so parts of
the photos count too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.detection.photo_analysis import analyse_photos, choose_targets
from catalog.imaging.image_decoding import Box, crop_to_box, decode_image
from catalog.index.live_index import LiveIndex
from catalog.index.match import NOTHING_WEIGHT, measure_closeness
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from indexing.ledger.chunking import Check

PHOTOS = Path(__file__).parent / "nothing" / "photos"
PARTS: list[Box] = [  # the corners, smaller, and the centre
    (0, 0, 1 / 5, 1 / 5),
    (4 / 5, 0, 1 / 5, 1 / 5),
    (0, 4 / 5, 1 / 5, 1 / 5),
    (4 / 5, 4 / 5, 1 / 5, 1 / 5),
    (1 / 3, 1 / 3, 1 / 3, 1 / 3),
]
MIN_WEAK_SHARE = 0.975  # of the photos, and of their parts
NORMAL_QUANTILE = 1.96  # the quantile MIN_WEAK_SHARE of the standard normal distribution
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
MIN_PHOTOS = 20  # to calibrate
FOLDS = 5  # for cross-validation
QUERIES_PER_STATEMENT = 16


@dataclass(frozen=True)
class NothingPhoto:
    """The vectors of a photo of nothing, unit vectors of the index space. `bank`: of the whole
    photo and of its parts, (n, dimensions); `targets`: of what a search looks for in it, (m,
    dimensions). `part_cosines` and `target_cosines`: of the parts and the targets with their
    nearest products."""

    bank: np.ndarray
    targets: np.ndarray
    part_cosines: np.ndarray
    target_cosines: np.ndarray


@dataclass(frozen=True)
class Resemblance:
    """The resemblance of photos of nothing. `threshold`: few of them reach it; None if too few of
    them show nothing in this catalogue; `bank`: unit vectors (n, dimensions), to measure the
    closeness of queries; `photos`: their number; `weak`: the share of photos held out that stay
    below the threshold."""

    threshold: float | None
    bank: np.ndarray
    photos: int
    weak: float | None


def measure_resemblance(
    index: LiveIndex, check: Check, something_cosine: float | None = None
) -> Resemblance:
    """Measures the resemblance of photos of nothing. A shop may sell what some of them show: those
    with a cosine of at least `something_cosine` with a product are left out, with their parts."""
    photos = _read_photos(index, check)
    if something_cosine is not None:
        photos = [photo for photo in photos if photo.target_cosines.max() < something_cosine]
    if len(photos) < MIN_PHOTOS:
        return Resemblance(None, np.empty((0, index.generation.encoder.dimensions)), 0, None)
    whole, parts = _measure_each(photos)
    folds = np.arange(len(photos)) % FOLDS
    is_weak = np.empty(len(photos), bool)
    for fold in range(FOLDS):
        others = [part for part, other in zip(parts, folds, strict=True) if other != fold]
        threshold = fit_threshold(whole[folds != fold], np.concatenate(others))
        is_weak[folds == fold] = whole[folds == fold] < threshold
    return Resemblance(
        fit_threshold(whole, np.concatenate(parts)),
        np.concatenate([photo.bank for photo in photos]),
        len(photos),
        float(is_weak.mean()),
    )


def fit_threshold(whole: np.ndarray, parts: np.ndarray) -> float:
    """Returns the resemblance that a share of MIN_WEAK_SHARE of photos of nothing, and of parts of
    such photos, stays below. `whole` (n,) and `parts` (m,): resemblances."""
    return max(_upper_bound(values) for values in (whole, parts) if len(values))


def _upper_bound(values: np.ndarray) -> float:
    """Returns the greater of two estimates: the quantile of the values, and that of a normal
    distribution of the same median and the same median deviation. A few extreme values move neither
    far."""
    median = float(np.median(values))
    deviation = MAD_TO_DEVIATION * float(np.median(np.abs(values - median)))
    quantile = float(np.quantile(values, MIN_WEAK_SHARE))
    return float(np.nextafter(max(quantile, median + NORMAL_QUANTILE * deviation), np.inf))


def _measure_each(photos: Sequence[NothingPhoto]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns the greatest resemblance of a target of each photo, (n,), and the resemblances of the
    parts of each photo. The photo and its parts do not count as photos of nothing meanwhile."""
    whole, parts = [], []
    for photo in photos:
        others = np.concatenate([other.bank for other in photos if other is not photo])
        targets = measure_closeness(photo.targets, others)
        whole.append((photo.target_cosines - NOTHING_WEIGHT * targets).max())
        of_parts = measure_closeness(photo.bank[1:], others)
        parts.append(photo.part_cosines - NOTHING_WEIGHT * of_parts)
    return np.array(whole), parts


def _read_photos(index: LiveIndex, check: Check) -> list[NothingPhoto]:
    photos = []
    for path in find_photos_of_nothing():
        bank, targets = _encode(index, decode_image(path.read_bytes()))
        cosines = np.array(list(_nearest_cosines(index, np.concatenate([bank[1:], targets]))))
        part_cosines, target_cosines = np.split(cosines, [len(PARTS)])
        photos.append(NothingPhoto(bank, targets, part_cosines, target_cosines))
        check()
    return photos


def _encode(index: LiveIndex, image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Returns the `bank` and the `targets` of a photo."""
    analyses = analyse_photos([image], False, index.query_encoder)
    targets = np.stack([target.vector for target in choose_targets(analyses)])
    parts = index.query_encoder.encode_images([crop_to_box(image, box) for box in PARTS])
    bank = np.concatenate([analyses[0].vector[None], parts])
    return index.to_index_space(bank), index.to_index_space(targets)


def _nearest_cosines(index: LiveIndex, vectors: np.ndarray) -> Iterator[float]:
    """Yields the cosine of each vector with its nearest product, -1 if there is none."""
    for start in range(0, len(vectors), QUERIES_PER_STATEMENT):
        part = vectors[start : start + QUERIES_PER_STATEMENT]
        nearest = [-1.0] * len(part)
        for product in vector_store().nearest(VectorQuery(index, part, settings.SEARCH_CANDIDATES)):
            nearest[product.number] = max(nearest[product.number], product.similarity)
        yield from nearest


def find_photos_of_nothing() -> Sequence[Path]:
    """Returns the files of the photos."""
    return sorted(PHOTOS.glob("*.webp"))
