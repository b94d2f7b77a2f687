"""Summarises outcomes of searches whose right answer is known. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.quality.paired_bootstrap import bootstrap_difference

MAX_TAGS_CHECKED = 3
RECALLS = (1, 5, 10)
COMPARED_RECALLS = (1, 5)
MATCHES = ("exact", "similar", "weak")


@dataclass(frozen=True)
class TagCounts:
    """The numbers of tags that a photo was `given`, of those that are `right`, and of those that it
    should have (`wanted`)."""

    given: int
    right: int
    wanted: int


@dataclass(frozen=True)
class Outcome:
    """The outcome of one search.

    `rank`: of the first right product, 1 for the first, None if none is in the answer;
    `latency_ms`: server time; `objects`: how many were found in the photo, None if the search
    looked for none; `tagged`: whether one of the first MAX_TAGS_CHECKED tags of the photo is right,
    None if the product's text names no tag; `tags`: how many tags it was given, None if the right
    ones are not known; `match`: of the first result, None if it was not
    recorded; `floor_rank`: as `rank`, of the floor's answer; `has_floor`: whether the floor was
    asked."""

    kind: str
    rank: int | None
    latency_ms: float
    objects: int | None = None
    tagged: bool | None = None
    tags: TagCounts | None = None
    match: str | None = None
    floor_rank: int | None = None
    has_floor: bool = False


def summarise(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Returns the figures for each kind of query. Figures that were not measured are None.

    - the number of queries, recall@1/5/10, mean reciprocal rank and latencies
    - the share of photos with objects and their mean number, and the share with a right tag among
      the first MAX_TAGS_CHECKED
    - the number of tags given to photos, the share of these that are right, and the share of the
      right tags that are given
    - the share of first results with an exact match, and the share of these that are right
    - the number of right first results, and the shares of these with each match level
    - recall and mean reciprocal rank of the floor, and the difference of the recalls, search minus
      floor, with its interval"""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    return {kind: _figures(group) for kind, group in sorted(by_kind.items())}


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    latencies = np.array([outcome.latency_ms for outcome in group])
    objects = [outcome.objects for outcome in group if outcome.objects is not None]
    tagged = [outcome.tagged for outcome in group if outcome.tagged is not None]
    return {
        "queries": len(group),
        **_rank_figures([outcome.rank for outcome in group]),
        "latency_mean_ms": round(float(latencies.mean()), 1),
        "latency_p50_ms": round(float(np.percentile(latencies, 50)), 1),
        "latency_p95_ms": round(float(np.percentile(latencies, 95)), 1),
        "objects_found": _share(count > 0 for count in objects) if objects else None,
        "objects_mean": round(sum(objects) / len(objects), 2) if objects else None,
        "tagged@3": _share(tagged) if tagged else None,
        **_tag_figures([outcome.tags for outcome in group if outcome.tags]),
        **_match_figures([outcome for outcome in group if outcome.match]),
        **_floor_figures([outcome for outcome in group if outcome.has_floor]),
    }


def _rank_figures(ranks: Sequence[int | None]) -> dict[str, float]:
    recalls = {f"recall@{k}": _share(_is_within(rank, k) for rank in ranks) for k in RECALLS}
    return {**recalls, "mrr": round(sum(1 / rank for rank in ranks if rank) / len(ranks), 4)}


def _tag_figures(counted: Sequence[TagCounts]) -> dict[str, Any]:
    given, right, wanted = (
        sum(getattr(counts, name) for counts in counted) for name in ("given", "right", "wanted")
    )
    return {
        "tags_given": given if counted else None,
        "tags_right": round(right / given, 4) if given else None,
        "tags_found": round(right / wanted, 4) if wanted else None,
    }


def _match_figures(matched: Sequence[Outcome]) -> dict[str, Any]:
    exact = [outcome for outcome in matched if outcome.match == "exact"]
    right = Counter(outcome.match for outcome in matched if outcome.rank == 1)
    total = right.total()
    return {
        "exact": round(len(exact) / len(matched), 4) if matched else None,
        "exact_right": _share(outcome.rank == 1 for outcome in exact) if exact else None,
        "right_first": total if matched else None,
        **{f"right_{name}": round(right[name] / total, 4) if total else None for name in MATCHES},
    }


def _floor_figures(compared: Sequence[Outcome]) -> dict[str, Any]:
    if not compared:
        return {"floor": None, "difference": None}
    differences = {}
    for k in COMPARED_RECALLS:
        found = np.array([_is_within(outcome.rank, k) for outcome in compared])
        by_floor = np.array([_is_within(outcome.floor_rank, k) for outcome in compared])
        difference = bootstrap_difference(found, by_floor)
        differences[f"recall@{k}"] = {
            name: round(value, 4) for name, value in difference._asdict().items()
        }
    floor = _rank_figures([outcome.floor_rank for outcome in compared])
    return {"floor": floor, "difference": differences}


def _is_within(rank: int | None, k: int) -> bool:
    return rank is not None and rank <= k


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return round(sum(values) / len(values), 4)
