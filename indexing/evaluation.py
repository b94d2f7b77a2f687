"""Is a generation good enough to go live? Its graph against exact search, and its answers to photos
whose product is known."""

import logging
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from catalog.labelled_photos import LabelledPhoto, PhotosError, read_photos
from catalog.live_index import LiveIndex
from catalog.models import Generation, Product
from catalog.nearest import nearest_sql, set_search_options
from catalog.vectors import read_rows, vector_literal
from catalog.visual.image_decoding import ImageError, crop_to_box, decode_image
from indexing.models import IndexEvaluation
from indexing.planning import Check

log = logging.getLogger("vitrina.indexing")

QUERIES = 200
NEIGHBOURS = 20
TIE = 1e-4  # half-precision inner products nearer than this are equal
LEAST_PHOTOS = 20  # fewer say nothing


def evaluate_generation(index: LiveIndex, check: Check) -> IndexEvaluation:
    """Measures the generation, stores the figures, and says whether it passes the gates of the
    settings: recall of the graph, and recall on labelled photos against the live generation's."""
    queries = _sample(index)
    recalls = []
    for query in queries:
        recalls.append(graph_recall(index, query))
        check()
    recall = float(np.mean(recalls)) if recalls else 0.0
    figures = {"recall_at_20": recall, **photo_recall(index, check)}
    reasons = failed_gates(figures, _live_figures(figures))
    index.generation.recall_at_20 = recall
    index.generation.note = "; ".join(reasons)
    index.generation.save(update_fields=["recall_at_20", "note"])
    return IndexEvaluation.objects.create(
        generation=index.generation,
        queries=len(queries),
        recall_at_20=recall,
        figures=figures,
        passed=not reasons,
    )


def failed_gates(figures: dict, live: dict) -> list[str]:
    """What keeps a generation from going live, as sentences; empty when it may."""
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


def photo_recall(index: LiveIndex, check: Check) -> dict:
    """Share of the labelled photos (cut to their box) whose product is among the first five, and of
    how many photos; nothing where there are fewer than LEAST_PHOTOS of products it has."""
    photos = _labelled_photos()
    ids = dict(
        Product.objects.filter(sku__in={photo.sku for photo in photos}).values_list("sku", "id")
    )
    hits = []
    for photo in photos:
        if photo.sku not in ids:
            continue
        try:
            image = decode_image(photo.path.read_bytes())
        except (OSError, ImageError) as error:
            log.warning("labelled photo %s is left out: %s", photo.path.name, error)
            continue
        part = crop_to_box(image, photo.box) if photo.box else image
        hits.append(
            ids[photo.sku] in _first_products(index, index.encoder.encode_images([part])[0])
        )
        check()
    if len(hits) < LEAST_PHOTOS:
        return {}
    return {"photo_recall_at_5": sum(hits) / len(hits), "photos": len(hits)}


def graph_recall(index: LiveIndex, query: np.ndarray) -> float:
    """Share of the exact NEIGHBOURS nearest vectors that the graph finds. An answer as near as the
    last of the exact ones counts: identical photos may change places."""
    exact = _distances(index, query, graph=False)
    found = _distances(index, query, graph=True)
    return recall_of_distances(exact, found)


def recall_of_distances(exact: np.ndarray, found: np.ndarray) -> float:
    """Distances of the exact nearest and of those found, ascending → recall, 0 to 1."""
    if not len(exact):
        return 1.0
    return min(1.0, float((found <= exact[-1] + TIE).sum()) / len(exact))


def _sample(index: LiveIndex) -> list[np.ndarray]:
    """Vectors of the generation itself, taken at random, as queries (float32, 128 numbers)."""
    share = min(100.0, 100.0 * 2 * QUERIES / max(index.generation.images, 1))
    query = sql.SQL(
        "SELECT vector FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (7) LIMIT {n}"
    ).format(
        table=sql.Identifier(index.generation.vector_table),
        share=sql.Literal(share),
        n=sql.Literal(QUERIES),
    )
    return [row[0].astype(np.float32) for row in read_rows(query, ["halfvec"])]


def _distances(index: LiveIndex, query: np.ndarray, graph: bool) -> np.ndarray:
    statement = sql.SQL(
        "SELECT vector <#> {query} FROM {table} ORDER BY vector <#> {query} LIMIT {n}"
    ).format(
        query=sql.SQL("{}::halfvec").format(sql.Literal(vector_literal(query))),
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


def _first_products(index: LiveIndex, query: np.ndarray) -> list[int]:
    """Ids of the five products that a search of this generation shows first."""
    wanted = settings.SEARCH_CANDIDATES
    statement, values = nearest_sql(index, query[None], wanted, "product.is_visible", [])
    with transaction.atomic(), connection.cursor() as cursor:
        set_search_options(cursor, wanted)
        cursor.execute(
            f"{statement} SELECT product_id FROM scored ORDER BY similarity DESC LIMIT 5", values
        )
        return [row[0] for row in cursor.fetchall()]


def _labelled_photos() -> list[LabelledPhoto]:
    try:
        return read_photos(Path(settings.LABELLED_PHOTOS)) if settings.LABELLED_PHOTOS else []
    except PhotosError as error:
        log.warning("no labelled photos: %s", error)
        return []


def _live_figures(figures: dict) -> dict:
    """The live generation's figures, if they were taken on as many photos."""
    verdict = IndexEvaluation.objects.filter(generation__state=Generation.State.LIVE).first()
    if verdict is None or verdict.figures.get("photos") != figures.get("photos"):
        return {}
    return verdict.figures
