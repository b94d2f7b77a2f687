"""The gates that a generation must pass before it goes live: recall of its graph against exact
search, recall on labelled photos, and the self-test."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from django.conf import settings

from catalog.index.live_index import LiveIndex, live_generation
from catalog.index.vector_store import StoredPhoto, vector_store
from catalog.models import Generation
from catalog.quality.paired_bootstrap import Difference, bootstrap_difference
from indexing.generations.encoder_registry import record_quality
from indexing.ledger.chunking import Check
from indexing.models import IndexEvaluation
from indexing.quality.generation_self_test import measure_self_test
from indexing.quality.match_calibration import calibrate
from indexing.quality.photo_recall import measure_photo_recall

GRAPH_QUERIES = 200
NEIGHBOURS = 20
TIE_TOLERANCE = 1e-4  # half-precision inner products that differ by less are equal


def evaluate_generation(index: LiveIndex, check: Check) -> IndexEvaluation:
    """Measures and calibrates a generation, and stores the figures and whether it passes the gates.
    Its note says which gates it fails, or which recall is lower than the live generation's.

    The recall of its graph must reach GATE_RECALL_AT_20. Its recall on labelled photos and in the
    self-test may be at most GATE_PHOTO_RECALL_DROP below the live generation's."""
    queries = vector_store().sample(index.generation, 2 * GRAPH_QUERIES)[:GRAPH_QUERIES]
    recalls = []
    for query in queries:
        recalls.append(measure_graph_recall(index, query))
        check()
    recall = float(np.mean(recalls)) if recalls else 0.0
    self_test, compared = measure_self_test(index, live_generation(), check)
    figures = {
        "recall_at_20": recall,
        **measure_photo_recall(index, check),
        "self_test": asdict(self_test),
        **({"compared_self_tests": asdict(compared)} if compared else {}),
    }
    live_figures = _live_figures(figures)
    reasons = failed_generation_gates(figures, live_figures)
    _store_quality(index, figures)
    index.generation.recall_at_20 = recall
    index.generation.note = "; ".join(reasons or find_losses(figures, live_figures))
    index.generation.save(update_fields=["recall_at_20", "note"])
    calibrate(index.generation, index, check)
    return IndexEvaluation.objects.create(
        generation=index.generation,
        queries=len(queries),
        recall_at_20=recall,
        figures=figures,
        passed=not reasons,
    )


def failed_generation_gates(figures: dict, live: dict) -> list[str]:
    """Returns a phrase for each gate that a generation with these `figures` fails. `live`: the
    figures of the live generation. The self-tests of both are in `figures`."""
    reasons = []
    recall = figures["recall_at_20"]
    if recall < settings.GATE_RECALL_AT_20:
        reasons.append(
            f"recall@20 of the graph is {recall:.3f}, below {settings.GATE_RECALL_AT_20}"
        )
    drop = settings.GATE_PHOTO_RECALL_DROP
    return [*reasons, *(c.phrase for c in _compare(figures, live) if c.new < c.live - drop)]


def find_losses(figures: dict, live: dict) -> list[str]:
    """Returns a phrase for each recall that is lower than the live generation's by more than chance
    explains, though the gates may allow it. Takes what `failed_generation_gates` takes."""
    return [c.phrase for c in _compare(figures, live) if c.is_lower]


class ComparedRecall(NamedTuple):
    """The recall of a new generation and of the live one by the same photos. `is_lower`: whether
    the new one is lower by more than chance explains; `phrase`: says both."""

    new: float
    live: float
    is_lower: bool
    phrase: str


def _compare(figures: dict, live: dict) -> Iterator[ComparedRecall]:
    recall, live_recall = figures.get("photo_recall_at_5"), live.get("photo_recall_at_5")
    if recall is not None and live_recall is not None:
        yield ComparedRecall(
            recall,
            live_recall,
            _is_lower(figures.get("photo_hits_at_5", ""), live.get("photo_hits_at_5", "")),
            f"recall@5 on labelled photos is {recall:.3f};"
            f" the live generation has {live_recall:.3f}",
        )
    if compared := figures.get("compared_self_tests"):
        own, of_live = compared["new"], compared["live"]
        yield ComparedRecall(
            own["recall_at_5"],
            of_live["recall_at_5"],
            Difference(*compared["difference"]).high < 0,
            f"recall@5 in the self-test is {own['recall_at_5']:.3f} for"
            f" {own['queries']} photos; the live generation has"
            f" {of_live['recall_at_5']:.3f} for the same photos",
        )


def _is_lower(hits: str, live_hits: str) -> bool:
    """Whether the same photos find less. Evaluations of earlier versions have no hits."""
    if not hits or len(hits) != len(live_hits):
        return False
    new, live = (np.array([*map(int, each)]) for each in (hits, live_hits))
    return bootstrap_difference(new, live).high < 0


def measure_graph_recall(index: LiveIndex, query: np.ndarray) -> float:
    """Returns the recall of the NEIGHBOURS exact nearest vectors by the graph, 0 to 1."""
    store = vector_store()
    exact = store.nearest_photos(index.generation, query, NEIGHBOURS, exact=True)
    found = store.nearest_photos(index.generation, query, NEIGHBOURS, exact=False)
    return recall_of_distances(_distances(exact), _distances(found))


def recall_of_distances(exact: np.ndarray, found: np.ndarray) -> float:
    """Returns the recall, 0 to 1, from the distances of the exact nearest vectors and of the found
    ones, both ascending. A vector as near as the last exact one counts, because identical photos
    may swap ranks."""
    if not len(exact):
        return 1.0
    return min(1.0, float((found <= exact[-1] + TIE_TOLERANCE).sum()) / len(exact))


def _distances(photos: list[StoredPhoto]) -> np.ndarray:
    return np.array([-photo.similarity for photo in photos])


def _store_quality(index: LiveIndex, figures: dict) -> None:
    """Stores the encoder's self-test and its recall on labelled photos in the registry."""
    if figures["recall_at_20"] < settings.GATE_RECALL_AT_20:
        return  # a poor graph says nothing about the encoder
    if figures["self_test"]["kind"] != "skipped":
        record_quality(index.generation.encoder, "self_test", figures["self_test"])
    if "photos" in figures and index.adapter is None:
        kept = ("photo_recall_at_1", "photo_recall_at_5", "photos")
        measured = {name.removeprefix("photo_"): figures[name] for name in kept}
        record_quality(index.generation.encoder, "labelled_photos", measured)


def _live_figures(figures: dict) -> dict:
    """Returns the live generation's figures, or an empty dict if they were measured on another
    number of photos."""
    evaluation = IndexEvaluation.objects.filter(generation__state=Generation.State.LIVE).first()
    if evaluation is None or evaluation.figures.get("photos") != figures.get("photos"):
        return {}
    return evaluation.figures
