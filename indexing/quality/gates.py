"""The gates that a generation must pass before it goes live: recall of its graph against exact
search, and recall on labelled photos."""

from dataclasses import asdict

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from pgvector import HalfVector
from psycopg import sql

from catalog.index.live_index import LiveIndex
from catalog.index.vectors import read_rows
from catalog.models import Generation
from indexing.encoder_registry import note_quality
from indexing.ledger.chunking import Check
from indexing.models import IndexEvaluation
from indexing.quality.match_calibration import measure_calibration
from indexing.quality.photo_recall import measure_photo_recall

GRAPH_QUERIES = 200
NEIGHBOURS = 20
TIE_TOLERANCE = 1e-4  # half-precision inner products that differ by less are equal


def evaluate_generation(index: LiveIndex, check: Check) -> IndexEvaluation:
    """Measures and calibrates a generation, and stores the figures and whether it passes the gates.

    The recall of its graph must reach GATE_RECALL_AT_20. Its recall on labelled photos may be at
    most GATE_PHOTO_RECALL_DROP below the live generation's."""
    queries = _sample_vectors(index)
    recalls = []
    for query in queries:
        recalls.append(graph_recall(index, query))
        check()
    recall = float(np.mean(recalls)) if recalls else 0.0
    figures = {"recall_at_20": recall, **measure_photo_recall(index, check)}
    reasons = failed_gates(figures, _live_figures(figures))
    _store_quality(index, figures)
    index.generation.recall_at_20 = recall
    index.generation.note = "; ".join(reasons)
    index.generation.match = asdict(measure_calibration(index, check))
    index.generation.save(update_fields=["recall_at_20", "note", "match"])
    return IndexEvaluation.objects.create(
        generation=index.generation,
        queries=len(queries),
        recall_at_20=recall,
        figures=figures,
        passed=not reasons,
    )


def failed_gates(figures: dict, live: dict) -> list[str]:
    """Returns the gates that a generation with these `figures` fails, as sentences. `live`: the
    figures of the live generation."""
    reasons = []
    recall = figures["recall_at_20"]
    if recall < settings.GATE_RECALL_AT_20:
        reasons.append(
            f"recall@20 of the graph is {recall:.3f}, below {settings.GATE_RECALL_AT_20}"
        )
    mine, theirs = figures.get("photo_recall_at_5"), live.get("photo_recall_at_5")
    if mine is not None and theirs is not None:
        least = theirs - settings.GATE_PHOTO_RECALL_DROP
        if mine < least:
            reasons.append(
                f"recall@5 on labelled photos is {mine:.3f}; the live generation has {theirs:.3f}"
            )
    return reasons


def graph_recall(index: LiveIndex, query: np.ndarray) -> float:
    """Returns the recall of the NEIGHBOURS exact nearest vectors by the graph, 0 to 1."""
    exact = _find_distances(index, query, graph=False)
    found = _find_distances(index, query, graph=True)
    return recall_of_distances(exact, found)


def recall_of_distances(exact: np.ndarray, found: np.ndarray) -> float:
    """Returns the recall, 0 to 1, from the distances of the exact nearest vectors and of the found
    ones, both ascending. A vector as near as the last exact one counts, because identical photos
    may swap ranks."""
    if not len(exact):
        return 1.0
    return min(1.0, float((found <= exact[-1] + TIE_TOLERANCE).sum()) / len(exact))


def _sample_vectors(index: LiveIndex) -> list[np.ndarray]:
    """Returns random vectors of the generation, each float32 (128,), to use as queries."""
    share = min(100.0, 100.0 * 2 * GRAPH_QUERIES / max(index.generation.images, 1))
    query = sql.SQL(
        "SELECT vector FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (7) LIMIT {n}"
    ).format(
        table=sql.Identifier(index.generation.vector_table),
        share=sql.Literal(share),
        n=sql.Literal(GRAPH_QUERIES),
    )
    return [row[0].astype(np.float32) for row in read_rows(query, ["halfvec"])]


def _find_distances(index: LiveIndex, query: np.ndarray, graph: bool) -> np.ndarray:
    statement = sql.SQL(
        "SELECT vector <#> {query} FROM {table} ORDER BY vector <#> {query} LIMIT {n}"
    ).format(
        query=sql.SQL("{}::halfvec").format(sql.Literal(HalfVector(query).to_text())),
        table=sql.Identifier(index.generation.vector_table),
        n=sql.Literal(NEIGHBOURS),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        if graph:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"SET LOCAL hnsw.ef_search = {settings.HNSW_EF_SEARCH:d}")
        else:
            cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(statement)
        return np.array([row[0] for row in cursor.fetchall()])


def _store_quality(index: LiveIndex, figures: dict) -> None:
    """Stores the encoder's recall on labelled photos in the registry."""
    if "photos" in figures and index.adapter is None:
        kept = ("photo_recall_at_1", "photo_recall_at_5", "photos")
        measured = {name.removeprefix("photo_"): figures[name] for name in kept}
        note_quality(index.generation.encoder, "labelled_photos", measured)


def _live_figures(figures: dict) -> dict:
    """Returns the live generation's figures if they were measured on the same number of photos,
    else nothing."""
    verdict = IndexEvaluation.objects.filter(generation__state=Generation.State.LIVE).first()
    if verdict is None or verdict.figures.get("photos") != figures.get("photos"):
        return {}
    return verdict.figures
