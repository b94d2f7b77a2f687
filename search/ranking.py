"""Puts candidates in order. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from search.retrieval import Candidate

RRF_K = 60  # Cormack, Clarke, Büttcher, 2009
LIKENESS_POWER = 2.5


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


def by_object(
    found: Sequence[Sequence[Candidate]],
    objects: Sequence[int | None],
    sureness: Sequence[float],
    dominance: float,
) -> list[Ranked]:
    """Candidates of several queries, each for one of `objects`, of which the detector is so sure.

    How likely an object is to be meant: its sureness times how near its nearest product comes, to
    the power LIKENESS_POWER, for a piece of background looks like no product. Where one is
    `dominance` times as likely as any other, only its products are shown; else a product counts for
    the object it is most like, and the objects take turns, the likeliest first, so that the first
    results have something for each. Within an object the nearest come first."""
    rows = [
        [replace(item, object=number) for item in by_similarity(candidates)]
        for candidates, number in zip(found, objects, strict=True)
    ]
    likelihood = {
        place: sure * (row[0].score ** LIKENESS_POWER if row else 0.0)
        for place, (row, sure) in enumerate(zip(rows, sureness, strict=True))
    }
    order = sorted(likelihood, key=lambda place: -likelihood[place])
    first, *others = order
    if not others or likelihood[first] >= dominance * likelihood[others[0]]:
        return rows[first]
    best: dict[int, Ranked] = {}
    for item in (item for place in order for item in rows[place]):
        kept = best.setdefault(item.candidate.product_id, item)
        if item.score > kept.score:
            best[item.candidate.product_id] = item
    turns = [[item for item in rows[p] if best[item.candidate.product_id] is item] for p in order]
    return [item for turn in zip_longest(*turns) for item in turn if item is not None]


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
