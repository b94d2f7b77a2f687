"""Puts candidates in order. Pure functions."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from search.ranking.features import ORDINARY, features_of
from search.retrieval.candidates import Candidate

RRF_K = 60  # Cormack, Clarke, Büttcher, 2009
LIKENESS_POWER = 2.5


class Ranked(NamedTuple):
    """A candidate with its score, what stands in the score in place of a cosine (`base`),
    the features that were weighed with it, which object of the photo it was found for, and how many
    lookalikes are shown by it."""

    candidate: Candidate
    score: float
    base: dict[str, float]
    features: dict[str, float]
    object: int | None = None
    duplicates: int = 0


def by_features(
    candidates: Sequence[Candidate],
    photo_tags: Mapping[int, float],
    weights: Mapping[str, float],
    object: int | None = None,
) -> list[Ranked]:
    """The highest score first. The score is the cosine, and for every other feature its weight
    times how far it is from what is ordinary."""
    ranked, added = [], _weighing(weights)
    for candidate, features in zip(candidates, features_of(candidates, photo_tags), strict=True):
        similarity = features["similarity"]
        score, base = similarity + added(features), {"similarity": similarity}
        ranked.append(Ranked(candidate, score, base, features, object))
    return sorted(ranked, key=lambda r: (-r.score, r.candidate.product_id))


def by_fusion(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> list[Ranked]:
    """Reciprocal rank fusion of looks and words, in place of the cosine: each gives its share of
    the most there can be. A candidate that one side does not know gets nothing from it."""
    looks = _ranks({c.product_id: c.similarity for c in candidates if c.similarity is not None})
    words = _ranks({c.product_id: c.lexical for c in candidates if c.lexical > 0})
    best = 2 / (RRF_K + 1)
    ranked, added = [], _weighing(weights)
    for candidate, features in zip(candidates, features_of(candidates, {}), strict=True):
        base = {
            "looks": _reciprocal(looks.get(candidate.product_id)) / best,
            "words": _reciprocal(words.get(candidate.product_id)) / best,
        }
        score = sum(base.values()) + added(features)
        ranked.append(Ranked(candidate, score, base, features))
    return sorted(
        ranked,
        key=lambda r: (-r.score, -(r.candidate.similarity or -1.0), r.candidate.product_id),
    )


def explain(item: Ranked, weights: Mapping[str, float]) -> dict[str, float]:
    """What the score is the sum of, to four digits."""
    added = {n: weight * (item.features[n] - ORDINARY[n]) for n, weight in weights.items()}
    return {name: round(value, 4) for name, value in {**item.base, **added}.items()}


def by_object(
    rows: Sequence[Sequence[Ranked]], confidence: Sequence[float], dominance: float
) -> list[Ranked]:
    """Results in order for each of several objects, of which the detector is so sure, as one list.

    How likely an object is to be meant: its confidence times how near its nearest product comes, to
    the power LIKENESS_POWER, for a piece of background looks like no product. Where one is
    `dominance` times as likely as any other, only its products are shown; else a product counts for
    the object for which it scores most, and the objects take turns, the likeliest first, so that
    the first results have something for each."""
    likelihood = {
        place: sure * max([0.0, *(r.features["similarity"] for r in row)]) ** LIKENESS_POWER
        for place, (row, sure) in enumerate(zip(rows, confidence, strict=True))
    }
    order = sorted(likelihood, key=lambda place: -likelihood[place])
    first, *others = order
    if not others or likelihood[first] >= dominance * likelihood[others[0]]:
        return list(rows[first])
    best: dict[int, Ranked] = {}
    for item in (item for place in order for item in rows[place]):
        kept = best.setdefault(item.candidate.product_id, item)
        if item.score > kept.score:
            best[item.candidate.product_id] = item
    turns = [[item for item in rows[p] if best[item.candidate.product_id] is item] for p in order]
    return [item for turn in zip_longest(*turns) for item in turn if item is not None]


def sorted_by(ranked: Sequence[Ranked], sort: str) -> list[Ranked]:
    """The same results in the order a shopper asked for; `relevance` leaves them as they are."""
    if sort == "price":
        return sorted(ranked, key=lambda r: (r.candidate.price, -r.score))
    if sort == "-price":
        return sorted(ranked, key=lambda r: (-r.candidate.price, -r.score))
    if sort == "-created":
        return sorted(ranked, key=lambda r: r.candidate.created_at, reverse=True)
    return list(ranked)


def _weighing(weights: Mapping[str, float]) -> Callable[[Mapping[str, float]], float]:
    """From features to the sum of how far each is from what is ordinary, by its weight."""
    ordinary = sum(weight * ORDINARY[name] for name, weight in weights.items())
    items = list(weights.items())
    return lambda features: sum([weight * features[name] for name, weight in items]) - ordinary


def _ranks(values: dict[int, float]) -> dict[int, int]:
    """Key → place, 1 for the greatest value; equal values share a place."""
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
