"""Blends several rankings into one, and spreads it over categories: pure functions."""

from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence

RANK_OFFSET = 20
RELEVANCE_SHARE = 0.7  # of a result's worth; the rest is its difference from the results before it


def blend(
    rankings: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> list[tuple[int, float, str]]:
    """Blends rankings by reciprocal rank fusion (Cormack, Clarke, Büttcher, 2009). Returns each
    product with its score and the ranking that contributes most to it, the best first."""
    terms: dict[int, dict[str, float]] = {}
    for name, ranking in rankings.items():
        for rank, product in enumerate(ranking):
            terms.setdefault(product, {})[name] = weights[name] / (RANK_OFFSET + rank)
    blended = [
        (product, sum(of.values()), max(of, key=lambda name: of[name]))
        for product, of in terms.items()
    ]
    return sorted(blended, key=lambda item: -item[1])


def score_terms(
    product: int, rankings: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> dict[str, float]:
    """Returns the terms of the score that `blend` gives to a product, by the names of the rankings
    that have it."""
    return {
        name: weights[name] / (RANK_OFFSET + ranking.index(product))
        for name, ranking in rankings.items()
        if product in ranking
    }


def spread(relevance: Sequence[float], categories: Sequence[Hashable], limit: int) -> list[int]:
    """Chooses at most `limit` results, one after the other, by maximal marginal relevance
    (Carbonell, Goldstein, 1998). Returns their numbers. `relevance`: positive, the greatest first.
    Results are as alike as the share of the results before them that have the same category."""
    left: dict[Hashable, deque[int]] = {}
    for number, category in enumerate(categories):
        left.setdefault(category, deque()).append(number)
    counts, chosen = Counter[Hashable](), list[int]()

    def worth_of_next(category: Hashable) -> float:
        alike = counts[category] / max(1, len(chosen))
        value = relevance[left[category][0]] / relevance[0]
        return RELEVANCE_SHARE * value - (1 - RELEVANCE_SHARE) * alike

    while left and len(chosen) < limit:
        best = max(left, key=worth_of_next)
        chosen.append(left[best].popleft())
        counts[best] += 1
        if not left[best]:
            del left[best]
    return chosen
