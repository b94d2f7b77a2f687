"""Classifies results as exact, similar or weak matches, and finds blank ones. Pure functions."""

from collections.abc import Sequence

import numpy as np

from catalog.index.match import Calibration, Neighbourhood
from catalog.visual.blank import closeness
from search.ranking.deduplication import stack_projected
from search.ranking.scoring import Ranked
from search.retrieval.candidates import Candidate


def classify_match(
    candidate: Candidate,
    neighbourhood: Neighbourhood | None,
    calibration: Calibration,
    similar_cosine: float,
    blank: bool = False,
) -> str:
    """Returns "exact", "similar" or "weak", by the calibration (see `catalog.index.match`). A
    candidate whose text has the query's words is at least similar.

    A candidate that does not fit the words of the search is not exact. If the calibration does not
    know what is similar, a cosine of at least `similar_cosine` is. If the query or the product is
    `blank`, the match is never exact, because all blank photos look the same."""
    similarity, is_similar = candidate.similarity, candidate.lexical > 0
    if similarity is not None and neighbourhood is not None:
        if calibration.is_exact(similarity, neighbourhood):
            return "exact" if candidate.fits and not blank else "similar"
        resembles = calibration.is_similar(similarity, neighbourhood)
        is_similar |= similarity >= similar_cosine if resembles is None else resembles
    return "similar" if is_similar else "weak"


def find_blank_results(
    results: Sequence[Ranked], blank_objects: set[int | None], blanks: np.ndarray, threshold: float
) -> list[bool]:
    """Returns for each result whether its object is among `blank_objects` or its product's photo is
    blank: the photo has a cosine of at least `threshold` with one of `blanks`, float32 (b, 128)."""
    vectors = stack_projected(results)
    if not vectors.shape[1]:
        return [item.object in blank_objects for item in results]
    blank_products = closeness(vectors, blanks) >= threshold
    return [
        bool(is_blank) or item.object in blank_objects
        for item, is_blank in zip(results, blank_products, strict=True)
    ]
