"""Gives tags to photos: those of the products of the catalogue that look most like them."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catalog.models import Tag, TagCalibration

MAX_AGE_S = 60.0  # of a cached tagger
BANDWIDTH = 0.08  # of the kernel, as a share of the distance from `background` to 1
MIN_DISTANCE = 0.02  # from `background` to 1; half precision hardly counts then

ScoredTags = list[tuple[Tag, float]]


@dataclass(frozen=True)
class References:
    """Photos of products whose tags are known. `vectors`: float32 (photos, dimensions) of unit
    length, the photos of one product together. `photos`: the number of photos of each product.
    `labels`: float32 (products, tags), 1 where the product's own data has the tag. `background`:
    the cosine with a product from which it counts as alike."""

    vectors: np.ndarray
    photos: np.ndarray
    labels: np.ndarray
    background: float

    def cosines(self, vectors: np.ndarray) -> np.ndarray:
        """Returns the cosine of each of the unit vectors (n, dimensions) with the best photo of
        each product, (n, products)."""
        starts = np.cumsum(self.photos) - self.photos
        return np.maximum.reduceat(vectors @ self.vectors.T, starts, axis=1)

    def score(self, cosines: np.ndarray) -> np.ndarray:
        """Returns the score of each tag, 0 to 1, (n, tags), from `cosines` (n, products). It is the
        share of the products that have the tag. Products weigh the more the more alike they are
        (kernel regression: Nadaraya, 1964; Watson, 1964). One product without tags at `background`
        is added: a photo that is like nothing has low scores."""
        width = BANDWIDTH * max(1.0 - self.background, MIN_DISTANCE)
        weights = np.exp((cosines - self.background) / width)
        return (weights @ self.labels) / (weights.sum(axis=1, keepdims=True) + 1.0)


@dataclass(frozen=True)
class PhotoTagger:
    """`tags` for photos, and the lowest score of each that counts (tags,)."""

    tags: tuple[Tag, ...]
    thresholds: np.ndarray
    references: References

    def tag_photos(self, vectors: np.ndarray, count: int) -> list[ScoredTags]:
        """Returns the tags of each of the unit vectors (n, dimensions), in the space of the
        encoder: at most `count`, the highest score first."""
        if not self.tags:
            return [[] for _ in vectors]
        scores = self.references.score(self.references.cosines(vectors))
        order = np.argsort(-scores, axis=1, kind="stable")
        return [
            [(self.tags[i], float(row[i])) for i in best if row[i] >= self.thresholds[i]][:count]
            for row, best in zip(scores, order, strict=True)
        ]


NO_TAGGER = PhotoTagger(
    (),
    np.empty(0),
    References(np.empty((0, 0), np.float32), np.empty(0, int), np.empty((0, 0), np.float32), 1.0),
)


def read_tagger(encoder_id: int) -> PhotoTagger:
    """Reads the tagger of an encoder. It gives no tags without a calibration, and no tags that an
    operator has refused since."""
    row = TagCalibration.objects.filter(encoder=encoder_id).first()
    accepted = Tag.objects.accepted().in_bulk(row.tags) if row else {}
    if row is None or not accepted:
        return NO_TAGGER
    kept = [i for i, tag_id in enumerate(row.tags) if tag_id in accepted]
    photos = np.asarray(row.photos)
    labels = np.unpackbits(np.frombuffer(row.labels, np.uint8), count=len(photos) * len(row.tags))
    vectors = np.frombuffer(row.vectors, np.float16).reshape(photos.sum(), -1)
    return PhotoTagger(
        tuple(accepted[row.tags[i]] for i in kept),
        np.asarray(row.thresholds)[kept],
        References(
            vectors.astype(np.float32),
            photos,
            labels.reshape(len(photos), -1)[:, kept].astype(np.float32),
            row.background,
        ),
    )


def tagger_for(encoder_id: int) -> PhotoTagger:
    """Does the same as `read_tagger`, cached for MAX_AGE_S."""
    return _tagger(encoder_id, int(time.monotonic() / MAX_AGE_S))


@lru_cache(maxsize=2)
def _tagger(encoder_id: int, _minute: int) -> PhotoTagger:
    return read_tagger(encoder_id)
