"""What a result is called: exact, similar or weak. Pure functions."""

from catalog.index.match_margin import Calibration, Neighbourhood
from search.retrieval.candidates import Candidate


def match_of(
    candidate: Candidate,
    near: Neighbourhood | None,
    calibrated: Calibration,
    exact: float,
    similar: float,
    blank: bool = False,
) -> str:
    """exact, similar or weak, by how far the candidate stands out from what is near its query (see
    `catalog.index.match_margin`); similar at least where the words of the query stand in its text.

    From the cosine `exact` on it is that in any case: the same photo. Where too little is near to
    stand out from (`near` is None), it is similar from the cosine `similar` on. Where the query or
    the product is `blank`, nothing is exact: photos of nothing are all the same photo."""
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
