"""The rankings that recommendations may be made by. Experiments compare two of them."""

from collections.abc import Mapping

# How much each part counts. What is popular or new fills up, and is all there is for strangers.
WEIGHTS = {"taste": 1.0, "looks": 0.6, "popular": 0.12, "new": 0.1}
USUAL = "blend"
RANKINGS: Mapping[str, Mapping[str, float]] = {
    USUAL: WEIGHTS,
    "more_looks": {**WEIGHTS, "looks": 1.2},
    "taste": {**WEIGHTS, "looks": 0.0},
    "looks": {**WEIGHTS, "taste": 0.0},
    "popular": {**WEIGHTS, "taste": 0.0, "looks": 0.0},
}
"""The weights of each ranking, by its name. Experiments and adopted rankings are stored by
name."""


def weights_of(ranking: str) -> Mapping[str, float]:
    """Returns the weights of a ranking, or those of the usual one if the name is not known any
    more, or is ""."""
    return RANKINGS.get(ranking, WEIGHTS)
