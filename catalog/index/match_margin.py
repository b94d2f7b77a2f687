"""How far a product stands out from the others that are near a query.

A cosine says little by itself: a photo of nothing in the catalogue is near many things at once, at
cosines that a good match reaches too. What tells them apart is that a good match stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 10  # products after the nearest say what is ordinary
MIN_PRODUCTS = 50  # products of a catalogue; in a smaller one none stands out


@dataclass(frozen=True)
class Calibration:
    """Match margins from which on a result is `exact`, None if none may be called that; which the
    first result must have for there to be `something` like the photo; from which on others are
    then `similar`.

    Measured by margins that were fitted without them: of the labelled `photos`, the share
    `covered` by an exact first result, and how many of these are `right`; of `nothing`, photos of
    nothing in the catalogue, the share that is `weak`, without anything like them.

    `blank`: the cosine with a blank photo (`catalog.visual.blank`), in the graph's space, from
    which on a photo shows nothing and is never exact.

    The defaults are those of the starter encoder, for where nothing can be measured."""

    exact: float | None = 0.15
    something: float = 0.15
    similar: float = 0.05
    photos: int = 0
    covered: float | None = None
    right: float | None = None
    nothing: int = 0
    weak: float | None = None
    blank: float = 0.83


@dataclass(frozen=True)
class Neighbourhood:
    """The greatest cosine of a product with a query, and the mean of the NEIGHBOURS after it."""

    greatest: float
    ordinary: float

    def margin(self, similarity: float) -> float:
        """By how much a cosine is above what is ordinary."""
        return similarity - self.ordinary


def neighbourhood_of(similarities: Sequence[float] | np.ndarray) -> Neighbourhood | None:
    """Of the cosines of a query's nearest products, in any order; None where there are not the
    nearest and NEIGHBOURS others."""
    if len(similarities) <= NEIGHBOURS:
        return None
    nearest = np.sort(np.asarray(similarities, np.float64))[::-1]
    return Neighbourhood(float(nearest[0]), float(nearest[1 : NEIGHBOURS + 1].mean()))
