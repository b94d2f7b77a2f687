"""Classifies results as exact, similar or weak matches. Pure functions."""

from catalog.index.match_margin import Calibration, Neighbourhood
from search.retrieval.candidates import Candidate


def classify_match(
    candidate: Candidate,
    near: Neighbourhood | None,
    calibrated: Calibration,
    exact: float,
    similar: float,
    blank: bool = False,
) -> str:
    """Returns "exact", "similar" or "weak", by the candidate's match margin (see
    `catalog.index.match_margin`). A candidate whose text has the query's words is at least similar.

    A cosine of at least `exact` means the same photo, and is exact whatever the margin. Without
    neighbours to compare with (`near` is None), a cosine of at least `similar` is similar. If the
    query or the product is `blank`, no result is exact, because all blank photos look the same."""
    similarity = candidate.similarity or 0.0
    if similarity >= exact:
        return "similar" if blank else "exact"
    if near is None:
        alike = similarity >= similar
    else:
        margin = near.margin(similarity)
        if calibrated.exact is not None and margin >= calibrated.exact:
            return "similar" if blank else "exact"
        something = near.margin(near.greatest) >= calibrated.something
        alike = something and margin >= calibrated.similar
    return "similar" if alike or candidate.lexical > 0 else "weak"
