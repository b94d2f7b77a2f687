"""How good and how fast search is, on photos that are known to show a product."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from search.photo_search import search
from search.request import Box, SearchRequest

DEPTH = 10


class PhotosError(Exception):
    """The list of photos cannot be used; the message says why."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, the sku of the product it shows, and where."""

    path: Path
    sku: str
    scene: bool
    box: Box | None


@dataclass(frozen=True)
class Outcome:
    """`rank` of the right product, 1 for the first, None beyond DEPTH; server time in ms."""

    kind: str
    rank: int | None
    latency_ms: float


def read_photos(path: Path, split: str = "") -> list[LabelledPhoto]:
    """The photos of a JSON Lines file, whose paths are relative to it. Raises PhotosError."""
    photos = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PhotosError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if split and row.get("split") != split:
                continue
            box = tuple(map(float, row["box"])) if row.get("box") else None
            if box is not None and len(box) != 4:
                raise ValueError("box must have four numbers")
            photo = path.parent / row["file"]
            photos.append(LabelledPhoto(photo, row["sku"], bool(row.get("scene")), box))  # type: ignore[arg-type]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PhotosError(f"{path.name}, line {number}: {error!r}") from error
    if not photos:
        raise PhotosError(f"{path} names no photos.")
    return photos


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
    """By kind of query: how many, recall@1/5/10, mean reciprocal rank, mean and p95 latency."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    return {kind: _figures(group) for kind, group in sorted(by_kind.items())}


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    ranks = [outcome.rank for outcome in group]
    latencies = np.array([outcome.latency_ms for outcome in group])
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
    }


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return round(sum(values) / len(values), 4)


def _search(kind: str, data: bytes, box: Box | None, sku: str) -> Outcome:
    answer = search(SearchRequest(images=(data,), box=box, limit=DEPTH))
    skus = [result.product.sku for result in answer.results]
    rank = skus.index(sku) + 1 if sku in skus else None
    return Outcome(kind, rank, answer.timings_ms["total"])
