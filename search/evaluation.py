"""How good and how fast search is, on photos that are known to show a product."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.labelled_photos import Box, LabelledPhoto
from search.photo_search import search
from search.request import SearchRequest

DEPTH = 10


@dataclass(frozen=True)
class Outcome:
    """`rank` of the right product, 1 for the first, None beyond DEPTH; server time in ms; how many
    `objects` were found in the photo, None where a box was given and none were looked for."""

    kind: str
    rank: int | None
    latency_ms: float
    objects: int | None = None


def evaluate_photos(
    photos: Sequence[LabelledPhoto], progress: Callable[[int], None] = lambda n: None
) -> list[Outcome]:
    """Searches with each photo whole and, where it has one, with its box."""
    outcomes = []
    for photo in photos:
        data = photo.path.read_bytes()
        what = "scene" if photo.scene else "one object"
        outcomes.append(_search(f"{what}, whole photo", data, None, photo.sku))
        if photo.box is not None:
            outcomes.append(_search(f"{what}, with box", data, photo.box, photo.sku))
        progress(1)
    return outcomes


def summarise(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """By kind of query: how many, recall@1/5/10, mean reciprocal rank, mean and p95 latency, in
    which share of the photos objects were found, and how many on average."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    return {kind: _figures(group) for kind, group in sorted(by_kind.items())}


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    ranks = [outcome.rank for outcome in group]
    latencies = np.array([outcome.latency_ms for outcome in group])
    objects = [outcome.objects for outcome in group if outcome.objects is not None]
    return {
        "queries": len(group),
        **{
            f"recall@{k}": _share(rank is not None and rank <= k for rank in ranks)
            for k in (1, 5, 10)
        },
        "mrr": round(sum(1 / rank for rank in ranks if rank) / len(ranks), 4),
        "latency_mean_ms": round(float(latencies.mean()), 1),
        "latency_p50_ms": round(float(np.percentile(latencies, 50)), 1),
        "latency_p95_ms": round(float(np.percentile(latencies, 95)), 1),
        "objects_found": _share(count > 0 for count in objects) if objects else None,
        "objects_mean": round(sum(objects) / len(objects), 2) if objects else None,
    }


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return round(sum(values) / len(values), 4)


def _search(kind: str, data: bytes, box: Box | None, sku: str) -> Outcome:
    answer = search(SearchRequest(images=(data,), box=box, limit=DEPTH))
    skus = [result.product.sku for result in answer.results]
    rank = skus.index(sku) + 1 if sku in skus else None
    objects = len(answer.objects) if box is None else None
    return Outcome(kind, rank, answer.timings_ms["total"], objects)
