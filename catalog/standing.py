"""How far a product stands out from the others that are near a query.

A cosine says little by itself: a photo of nothing in the catalogue is near many things at once, at
cosines that a good match reaches too. What tells them apart is that a good match stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AROUND = 100  # products
LEAST = 50  # of them say what is ordinary


@dataclass(frozen=True)
class Calibration:
    """Standings from which on a result is `exact`, None if none may be called that; which the first
    result must have for there to be `something` like the photo; from which on others are then
    `similar`.

    Measured by standings that were fitted without them: of the labelled `photos`, the share
    `covered` by an exact first result, and how many of these are `right`; of `nothing`, photos of
    nothing in the catalogue, the share that is `weak`, without anything like them. The defaults are
    those of the starter encoder, for where nothing can be measured."""

    exact: float | None = 4.4
    something: float = 4.4
    similar: float = 2.5
    photos: int = 0
    covered: float | None = None
    right: float | None = None
    nothing: int = 0
    weak: float | None = None


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of the cosines of the products nearest to a query, and the
    greatest of them."""

    mean: float
    deviation: float
    greatest: float

    def standing(self, similarity: float) -> float:
        """By how many standard deviations a cosine is above the mean."""
        return (similarity - self.mean) / self.deviation


def spread_of(similarities: Sequence[float] | np.ndarray) -> Spread | None:
    """Of the cosines of a query's nearest products, in any order; only the AROUND greatest count.
    None for fewer than LEAST, or if they are all the same."""
    nearest = np.sort(np.asarray(similarities, np.float64))[::-1][:AROUND]
    if len(nearest) < LEAST or nearest[0] - nearest[-1] < 1e-6:
        return None
    return Spread(float(nearest.mean()), float(nearest.std()), float(nearest[0]))
