"""The match margin: how far a product stands out from the other products near a query.

A cosine alone says little. A photo of nothing in the catalogue is near many products at once, with
cosines that a good match also reaches. But a good match stands out from its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 10  # products after the nearest one; their mean cosine is the ordinary one
MIN_PRODUCTS = 50  # in a catalogue, to measure margins


@dataclass(frozen=True)
class Calibration:
    """The match margins of an index, and how well they classify held-out photos.

    A result with a margin of at least `exact` is exact; with None, no result is. If the first
    result has a margin of at least `something`, results with at least `similar` are similar.

    Of the labelled `photos`, the first result is exact for the share `covered`, and the share
    `right` of these is right. Of the photos of `nothing` in the catalogue, the share `weak` has
    only weak results.

    A photo whose projected vector has at least the cosine `blank` with a blank photo
    (`catalog.visual.blank`) shows nothing and is never exact.

    The defaults are those of the starter encoder, for an index without measurements."""

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
        """Returns by how much a cosine exceeds the ordinary one."""
        return similarity - self.ordinary


def measure_neighbourhood(similarities: Sequence[float] | np.ndarray) -> Neighbourhood | None:
    """Measures the neighbourhood from the cosines of a query's nearest products, in any order.
    Returns None for fewer than 1 + NEIGHBOURS of them."""
    if len(similarities) <= NEIGHBOURS:
        return None
    nearest = np.sort(np.asarray(similarities, np.float64))[::-1]
    return Neighbourhood(float(nearest[0]), float(nearest[1 : NEIGHBOURS + 1].mean()))
