"""Puts candidates in order. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from search.retrieval import Candidate

RRF_K = 60  # Cormack, Clarke, Büttcher, 2009


@dataclass(frozen=True)
class Ranked:
    """A candidate with its score, 0 to 1, what the score is made of, and which object of the photo
    it was found for."""

    candidate: Candidate
    score: float
    parts: dict[str, float]
    object: int | None = None


def by_similarity(candidates: Sequence[Candidate]) -> list[Ranked]:
    """The nearest first; the score is the cosine, cut at 0."""
    ranked = [
        Ranked(c, _share(c.similarity or 0.0), {"similarity": round(c.similarity or 0.0, 4)})
        for c in candidates
    ]
    return sorted(ranked, key=lambda r: (-r.score, r.candidate.product_id))


def by_object(found: Sequence[Sequence[Candidate]], objects: Sequence[int | None]) -> list[Ranked]:
    """Candidates of several queries, each query for one of `objects`. A product counts once, for
    the object that it is most like; then the objects take turns, in their order, so that the first
    results have something for each. Within an object the nearest come first."""
    best: dict[int, tuple[float, int | None, Candidate]] = {}
    for candidates, number in zip(found, objects, strict=True):
        for candidate in candidates:
            similarity = candidate.similarity or 0.0
            if similarity > best.get(candidate.product_id, (-2.0,))[0]:
                best[candidate.product_id] = similarity, number, candidate
    rows = []
    for number in dict.fromkeys(objects):
        ranked = by_similarity([c for _, of, c in best.values() if of == number])
        rows.append([replace(item, object=number) for item in ranked])
    return [item for turn in zip_longest(*rows) for item in turn if item is not None]


def by_fusion(candidates: Sequence[Candidate]) -> list[Ranked]:
    """Reciprocal rank fusion of looks and words; the score is its share of the most there can be.
    A candidate that one side does not know gets nothing from it."""
    looks = _ranks({c.product_id: c.similarity for c in candidates if c.similarity is not None})
    words = _ranks({c.product_id: c.lexical for c in candidates if c.lexical > 0})
    best = 2 / (RRF_K + 1)
    ranked = []
    for candidate in candidates:
        parts = {
            "looks": _reciprocal(looks.get(candidate.product_id)),
            "words": _reciprocal(words.get(candidate.product_id)),
        }
        ranked.append(Ranked(candidate, _share(sum(parts.values()) / best), parts))
    return sorted(
        ranked,
        key=lambda r: (-r.score, -(r.candidate.similarity or -1.0), r.candidate.product_id),
    )


def sorted_by(ranked: Sequence[Ranked], sort: str) -> list[Ranked]:
    """The same results in the order a shopper asked for; `relevance` leaves them as they are."""
    if sort == "price":
        return sorted(ranked, key=lambda r: (r.candidate.price, -r.score))
    if sort == "-price":
        return sorted(ranked, key=lambda r: (-r.candidate.price, -r.score))
    if sort == "-created":
        return sorted(ranked, key=lambda r: r.candidate.created_at, reverse=True)
    return list(ranked)


def match_of(candidate: Candidate, exact: float, similar: float) -> str:
    """exact, similar or weak: by the cosine of the best photo; similar at least when the words of
    the query stand in the product's text."""
    similarity = candidate.similarity or 0.0
    if similarity >= exact:
        return "exact"
    return "similar" if similarity >= similar or candidate.lexical > 0 else "weak"


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


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
