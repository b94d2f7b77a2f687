"""Classifies results as exact, similar or weak matches, and finds blank ones. Pure functions."""

from collections.abc import Sequence

import numpy as np

from catalog.index.match_margin import Calibration, Neighbourhood
from catalog.visual.blank import closeness
from search.ranking.deduplication import stack_projected
from search.ranking.scoring import Ranked
from search.retrieval.candidates import Candidate


def classify_match(
    candidate: Candidate,
    neighbourhood: Neighbourhood | None,
    calibration: Calibration,
    exact_cosine: float,
    similar_cosine: float,
    blank: bool = False,
) -> str:
    """Returns "exact", "similar" or "weak", by the candidate's match margin (see
    `catalog.index.match_margin`). A candidate whose text has the query's words is at least similar.

    A cosine of at least `exact_cosine` means the same photo: the match is exact whatever the
    margin. Without a neighbourhood, a cosine of at least `similar_cosine` is similar. If the query
    or the product is `blank`, the match is never exact, because all blank photos look the same."""
    similarity = candidate.similarity or 0.0
    if similarity >= exact_cosine:
        return "similar" if blank else "exact"
    if neighbourhood is None:
        is_similar = similarity >= similar_cosine
    else:
        margin = neighbourhood.margin(similarity)
        if calibration.exact is not None and margin >= calibration.exact:
            return "similar" if blank else "exact"
        best_margin = neighbourhood.margin(neighbourhood.greatest)
        is_similar = best_margin >= calibration.something and margin >= calibration.similar
    return "similar" if is_similar or candidate.lexical > 0 else "weak"


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
