"""The two questions that decide a match level, and the thresholds of their answers.

*Resemblance*: is there anything like the photo in the catalogue? It is the cosine of a product
minus half of the query's closeness to photos of nothing, because some photos are close to
everything.

*Match margin*: does the photo show this very product? It is the cosine of the nearest product minus
that of the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

NOTHING_WEIGHT = 0.5  # of the closeness to photos of nothing
NOTHING_NEIGHBOURS = 5  # photos of nothing; their mean cosine is the closeness
ANY_COSINE = -1.0  # earlier versions had no least cosine of an exact result by labelled photos
MIN_PRODUCTS = 50  # in a catalogue, to calibrate its match levels
SURE_CONFIDENCE = 0.6  # of a detection
DOUBT_WEIGHT = 0.2  # of what a detection lacks of SURE_CONFIDENCE, in the least cosine


@dataclass(frozen=True)
class Neighbourhood:
    """The surroundings of a query. `nearest` and `next`: the greatest cosines of two products;
    `nothing`: the closeness to photos of nothing, None if there are no such photos."""

    nearest: float
    next: float
    nothing: float | None = None

    @property
    def margin(self) -> float:
        """The match margin of the nearest product."""
        return self.nearest - self.next

    def resemblance(self, similarity: float) -> float | None:
        """Returns the resemblance of a product with this cosine."""
        return None if self.nothing is None else similarity - NOTHING_WEIGHT * self.nothing


@dataclass(frozen=True)
class Calibration:
    """The thresholds of the match levels of an index, and how well they classify held-out photos.

    A result is similar if its resemblance is at least `similar_resemblance`, or unknown if that is
    None. The nearest product is exact if it is similar, its margin is at least `exact_margin` and
    its cosine at least `exact_cosine`. A result with at least `same_photo_cosine` shows the same
    photo and is exact. With None, no result is exact.

    A photo whose projected vector has at least the cosine `blank_cosine` with a blank photo
    (`catalog.visual.blank`) shows nothing and is never exact.

    A photo with at least the cosine `word_cosine` with a text looks as the text says; None if that
    is unknown.

    `queries`: how many photos whose product is known were searched by; `source`: what they are,
    "labelled photos", "views" of the catalogue, or "" if there are too few of both. Then exact is
    unknown. Of these photos, the first result is exact for the share `exact_share`, and the share
    `exact_right` of these is right. Of the `nothing_photos`, the share `nothing_weak` has only weak
    results."""

    similar_resemblance: float | None = None
    exact_margin: float | None = None
    exact_cosine: float | None = None
    same_photo_cosine: float | None = None
    blank_cosine: float = 0.83
    source: str = ""
    queries: int = 0
    exact_share: float | None = None
    exact_right: float | None = None
    nothing_photos: int = 0
    nothing_weak: float | None = None
    word_cosine: float | None = None

    @staticmethod
    def is_current(stored: Mapping[str, Any]) -> bool:
        """Returns whether a stored calibration has the present names and meanings."""
        has_names = {"similar_resemblance", "word_cosine"} <= stored.keys()
        return has_names and stored.get("exact_cosine") != ANY_COSINE

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Calibration":
        """Reads a stored calibration. Of those that versions up to 0.1 stored, under other names
        and for another measure, only the threshold of blank photos still applies."""
        if "similar_resemblance" not in stored:
            return cls(blank_cosine=stored.get("blank", cls.blank_cosine))
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    @property
    def is_complete(self) -> bool:
        """Whether it is known which results are exact, and which are similar."""
        return bool(self.source) and self.similar_resemblance is not None

    def without_exact(self) -> "Calibration":
        """Returns the calibration of searches that do not show a product to be found."""
        return replace(self, exact_margin=None, same_photo_cosine=None)

    def without_margin(self) -> "Calibration":
        """Returns the calibration of searches in which only the same photo is exact."""
        return replace(self, exact_margin=None)

    def for_detection(self, confidence: float) -> "Calibration":
        """Returns the calibration of searches for an object that was detected with this confidence,
        0 to 1. The photos that calibrate hold their object for certain. A detection that is not
        sure may be no object, so an exact result has to be closer to it."""
        if self.exact_cosine is None:
            return self
        doubt = DOUBT_WEIGHT * max(0.0, SURE_CONFIDENCE - confidence)
        return replace(self, exact_cosine=self.exact_cosine + doubt)

    def is_exact(self, similarity: float, near: Neighbourhood) -> bool:
        """Returns whether a product with this cosine is the one in the photo; False if that is
        unknown."""
        if not self.is_complete:
            return False
        if self.same_photo_cosine is not None and similarity >= self.same_photo_cosine:
            return True
        return (
            self.exact_margin is not None
            and self.exact_cosine is not None
            and similarity >= max(near.nearest, self.exact_cosine)
            and near.margin >= self.exact_margin
            and bool(self.is_similar(similarity, near))
        )

    def is_similar(self, similarity: float, near: Neighbourhood) -> bool | None:
        """Returns whether a product with this cosine is like the photo; None if that is unknown."""
        resemblance = near.resemblance(similarity)
        if resemblance is None or self.similar_resemblance is None:
            return None
        return resemblance >= self.similar_resemblance


def measure_neighbourhood(
    similarities: Sequence[float] | np.ndarray, query: np.ndarray, nothing: np.ndarray
) -> Neighbourhood | None:
    """Measures the neighbourhood of a query, a unit vector (d,), from the cosines of its nearest
    products, in any order, and the photos of `nothing`, unit vectors (n, d). Returns None without
    products."""
    if not len(similarities):
        return None
    nearest = np.sort(np.asarray(similarities, np.float64))[::-1]
    following = float(nearest[1]) if len(nearest) > 1 else -1.0
    closeness = float(measure_closeness(query[None], nothing)[0]) if len(nothing) else None
    return Neighbourhood(float(nearest[0]), following, closeness)


def measure_closeness(queries: np.ndarray, nothing: np.ndarray) -> np.ndarray:
    """Returns the mean cosine of each query (q, d) with the NOTHING_NEIGHBOURS nearest photos of
    `nothing` (n, d) → (q,). All are unit vectors, n is positive."""
    cosines = np.sort(queries @ nothing.T, axis=1)
    return cosines[:, -NOTHING_NEIGHBOURS:].mean(axis=1)
