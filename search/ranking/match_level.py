"""Classifies results as exact, similar or weak matches. Pure functions."""

from catalog.index.match_margin import Calibration, Neighbourhood
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
