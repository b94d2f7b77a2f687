"""Scores candidates and ranks them. Pure functions."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from search.ranking.features import NEUTRAL, compute_features
from search.retrieval.candidates import Candidate

MATCH_LEVELS = ("exact", "similar", "weak")
RRF_K = 60  # Cormack, Clarke, Büttcher, 2009
NAMED = 2.0  # added to the score of a product whose sku or title was searched for
SIMILARITY_POWER = 2.5  # of an object's similarity, in its likelihood


class Ranked(NamedTuple):
    """A candidate with its score. `base`: the unweighted terms of the score, a similarity or fused
    ranks; `object`: the number of the object in the photo that it matches; `duplicates`: the number
    of lookalikes that are hidden behind it; `match`: its match level, "exact", "similar" or
    "weak"."""

    candidate: Candidate
    score: float
    base: dict[str, float]
    features: dict[str, float]
    object: int | None = None
    duplicates: int = 0
    match: str = "weak"


def rank_by_features(
    candidates: Sequence[Candidate],
    photo_tags: Mapping[int, float],
    weights: Mapping[str, float],
    object: int | None = None,
) -> list[Ranked]:
    """Ranks candidates by score, the highest first. The score is the cosine plus, for every other
    feature, its weight times its difference from the neutral value."""
    ranked, weighted_sum = [], _make_weighted_sum(weights)
    for candidate, features in zip(
        candidates, compute_features(candidates, photo_tags), strict=True
    ):
        similarity = features["similarity"]
        score, base = similarity + weighted_sum(features), {"similarity": similarity}
        ranked.append(Ranked(candidate, score, base, features, object))
    return sorted(ranked, key=lambda r: (-r.score, r.candidate.product_id))


def rank_by_fusion(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> list[Ranked]:
    """Ranks as `rank_by_features` does, with reciprocal rank fusion of vector and words in place of
    the cosine. Each of the two contributes 1 for rank 1, less for lower ranks, and 0 for a
    candidate that it did not find. Products that the words name come first."""
    vector = _ranks({c.product_id: c.similarity for c in candidates if c.similarity is not None})
    words = _ranks({c.product_id: c.lexical for c in candidates if c.lexical > 0})
    best = 2 / (RRF_K + 1)
    ranked, weighted_sum = [], _make_weighted_sum(weights)
    for candidate, features in zip(candidates, compute_features(candidates, {}), strict=True):
        base = {
            "looks": _reciprocal(vector.get(candidate.product_id)) / best,
            "words": _reciprocal(words.get(candidate.product_id)) / best,
        }
        if candidate.is_named:
            base["named"] = NAMED
        score = sum(base.values()) + weighted_sum(features)
        ranked.append(Ranked(candidate, score, base, features))
    return sorted(
        ranked,
        key=lambda r: (-r.score, -(r.candidate.similarity or -1.0), r.candidate.product_id),
    )


def explain_score(item: Ranked, weights: Mapping[str, float]) -> dict[str, float]:
    """The terms of the score, rounded to four digits."""
    weighted_sum = {n: weight * (item.features[n] - NEUTRAL[n]) for n, weight in weights.items()}
    return {name: round(value, 4) for name, value in {**item.base, **weighted_sum}.items()}


def rank_by_object(
    rows: Sequence[Sequence[Ranked]], confidence: Sequence[float], dominance: float
) -> list[Ranked]:
    """Merges the ranked results of the targets of a photo, which are its objects and the whole
    photo, each with the confidence that it is meant.

    The likelihood that the shopper wants a target is its confidence times the similarity of its
    nearest product to the power SIMILARITY_POWER, because background resembles no product. If one
    target is `dominance` times as likely as any other, only its results stay. Else each product
    stays for the target for which it scores most, and the targets take turns, the likeliest first,
    so the first results have something for each target."""
    greatest = [max([0.0, *(r.features["similarity"] for r in row)]) for row in rows]
    likelihood = [
        certainty * similarity**SIMILARITY_POWER
        for certainty, similarity in zip(confidence, greatest, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda number: -likelihood[number])
    first, *others = order
    if not others or likelihood[first] >= dominance * likelihood[others[0]]:
        return list(rows[first])
    best: dict[int, Ranked] = {}
    for item in (item for number in order for item in rows[number]):
        kept = best.setdefault(item.candidate.product_id, item)
        if item.score > kept.score:
            best[item.candidate.product_id] = item
    kept_rows = [
        [item for item in rows[number] if best[item.candidate.product_id] is item]
        for number in order
    ]
    return [item for turn in zip_longest(*kept_rows) for item in turn if item is not None]


def sort_ranked(ranked: Sequence[Ranked], sort: str) -> list[Ranked]:
    """Sorts results by `sort`, one of `search.request.SORTS`. `relevance` keeps their order."""
    if sort == "price":
        return sorted(ranked, key=lambda r: (r.candidate.price, -r.score))
    if sort == "-price":
        return sorted(ranked, key=lambda r: (-r.candidate.price, -r.score))
    if sort == "-created":
        return sorted(ranked, key=lambda r: r.candidate.created_at, reverse=True)
    return list(ranked)


def sort_by_match(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Sorts results by match level, the best first. Keeps the order within each level."""
    return sorted(ranked, key=lambda r: MATCH_LEVELS.index(r.match))


def _make_weighted_sum(weights: Mapping[str, float]) -> Callable[[Mapping[str, float]], float]:
    """Returns a function from features to the weighted sum of their differences from the neutral
    values."""
    neutral = sum(weight * NEUTRAL[name] for name, weight in weights.items())
    items = list(weights.items())
    return lambda features: sum([weight * features[name] for name, weight in items]) - neutral


def _ranks(values: dict[int, float]) -> dict[int, int]:
    """Returns the rank of each key, 1 for the greatest value. Equal values share a rank."""
    order = sorted(values.items(), key=lambda item: -item[1])
    ranks: dict[int, int] = {}
    place, last = 0, None
    for position, (key, value) in enumerate(order, 1):
        if value != last:
            place, last = position, value
        ranks[key] = place
    return ranks


def _reciprocal(rank: int | None) -> float:
    return 0.0 if rank is None else 1 / (RRF_K + rank)
