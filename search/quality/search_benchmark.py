"""Measures how fast searches are, stage by stage, and compares them with a floor: decoding, the
compiled encoder and the SQL statement alone."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connections
from pgvector import HalfVector
from PIL import Image

from catalog.detection.photo_analysis import analyse_photos, choose_targets
from catalog.imaging.image_decoding import crop_to_box, decode_image
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from catalog.visual.encoder import Encoder
from search.filters.declared import filter_condition
from search.photo_search import search
from search.query.photo_decoding import useful_side
from search.ranking.paging import photos_per_query
from search.request import Box, Filters, SearchRequest, checked_box
from search.retrieval.candidates import retrieve
from search.serving.deadline import StageClock

PHOTO_SIDE = 480  # pixels, the longer side
EXACT_NEIGHBOURS = 20
STAGES = (*StageClock.STAGES, "total")

_numbers = count()


@dataclass(frozen=True)
class Load:
    """The milliseconds of each search by stage, and the searches per second."""

    clients: int
    per_second: float
    stages_ms: dict[str, np.ndarray]

    def percentile(self, stage: str, percent: float) -> float:
        return float(np.percentile(self.stages_ms[stage], percent))


def read_photos(folder: Path) -> list[bytes]:
    """Returns the photos of a folder as JPEG, scaled to a longer side of PHOTO_SIDE."""
    photos = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        scale = PHOTO_SIDE / max(image.size)
        image = image.resize((round(scale * image.width), round(scale * image.height)))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        photos.append(file.getvalue())
    return photos


def make_unique(photo: bytes) -> bytes:
    """Returns the same JPEG with a unique comment, so that it is in no cache."""
    note = f"{time.time_ns()} {next(_numbers)}".encode()
    return photo[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2) + note + photo[2:]


def measure_load(
    photos: Sequence[bytes], clients: int, searches: int, request: SearchRequest
) -> Load:
    """Makes `searches` searches by photo, with the other parameters of `request`. Each of `clients`
    concurrent clients sends its next search when the last one is answered."""
    upcoming = iter([make_unique(photos[number % len(photos)]) for number in range(searches)])
    timings: list[dict[str, float]] = []

    def client() -> None:
        try:
            while photo := next(upcoming, None):
                timings.append(search(replace(request, images=(photo,))).timings_ms)
        finally:
            connections.close_all()

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        for done in [threads.submit(client) for _ in range(clients)]:
            done.result()
    return _make_load(clients, timings, time.perf_counter() - start)


def measure_with_floor(
    photos: Sequence[bytes], searches: int, request: SearchRequest
) -> tuple[Load, Load]:
    """Returns (the floor, one client) for `searches` searches. The floor is the work that no search
    can avoid: decoding the photo, preprocessing it and its objects, encoding these pixels, and the
    SQL statement for the nearest products.

    Searches and floors alternate with different photos, so that other load and caches affect both
    equally."""
    index = live_index()
    floor_work = [_floor_work(photo, request, index) for photo in photos]
    floors: list[dict[str, float]] = []
    timings: list[dict[str, float]] = []
    for number in range(searches):
        photo = make_unique(photos[number % len(photos)])
        timings.append(search(replace(request, images=(photo,))).timings_ms)
        other = floor_work[(number + len(floor_work) // 2) % len(floor_work)]
        parts = {stage: _measure_ms(part) for stage, part in other.items()}
        floors.append({**parts, "total": sum(parts.values())})
    return _make_load(1, floors), _make_load(1, timings)


def _make_load(clients: int, timings: Sequence[dict[str, float]], span_s: float = 0.0) -> Load:
    """Makes the Load of searches. `span_s` is their wall-clock time, by default the sum of their
    totals."""
    stages = {stage: np.array([t[stage] for t in timings]) for stage in timings[0]}
    return Load(clients, len(timings) / (span_s or stages["total"].sum() / 1000), stages)


def _floor_work(
    photo: bytes, request: SearchRequest, index: LiveIndex
) -> dict[str, Callable[[], object]]:
    """Returns the work that no search by this photo can avoid, by stage."""
    encoder, boxed = index.query_encoder, request.box is not None
    [analysis] = analyse_photos([_decode(photo, request.box, encoder)], boxed, encoder)
    targets = choose_targets([analysis])
    queries = index.to_index_space(np.stack([target.vector for target in targets]))
    boxes = analysis.crop_boxes
    query = VectorQuery(index, queries, photos_per_query(queries))

    def decode() -> tuple[np.ndarray, np.ndarray | None]:
        image = _decode(photo, request.box, encoder)
        whole = encoder.preprocessing.batch([image])
        parts = [crop_to_box(image, box) for box in boxes]
        return whole, encoder.preprocessing.batch(parts) if parts else None

    whole, parts = decode()

    def forward() -> None:
        if boxed or encoder.object_head is None:
            encoder.encode_pixels(whole)
        else:
            encoder.run_object_head(whole)
        if parts is not None:
            encoder.encode_pixels(parts)

    return {
        "decode": decode,
        "embed": forward,
        "retrieve": lambda: vector_store().nearest(query),
    }


def _decode(photo: bytes, box: Box | None, encoder: Encoder) -> Image.Image:
    """Decodes a photo as searches do, but in this process."""
    part = checked_box(box)
    return decode_image(photo, box=part, at_least=useful_side(part, encoder))


def encode_queries(photos: Sequence[bytes], index: LiveIndex) -> np.ndarray:
    """Returns the query vectors of searches by whole photos, one for each object in them, float32
    (n, dimensions of the index space)."""
    encoder, targets = index.query_encoder, []
    for photo in photos:
        targets += choose_targets(analyse_photos([_decode(photo, None, encoder)], False, encoder))
    return index.to_index_space(np.stack([target.vector for target in targets]))


def measure_recall(queries: np.ndarray, filters: Filters) -> tuple[float, float]:
    """Returns (mean recall@20 against exact search over the full vectors, median milliseconds) of
    retrieval for `queries` with these filters. A product as near as the last exact one counts."""
    index = live_index()
    answers, spans, recalls = [], [], []
    max_photos = settings.SEARCH_CANDIDATES
    for query in queries:
        start = time.perf_counter()
        answers.append(retrieve(index, query[None], filters, None, max_photos).by_query[0])
        spans.append(1000 * (time.perf_counter() - start))
    for query, found in zip(queries, answers, strict=True):
        exact = search_exactly(index, query, filters)
        recalls.append(recall_of([c.similarity or 0.0 for c in found], exact))
    return float(np.mean(recalls)), float(np.median(spans))


def recall_of(found: Sequence[float], exact: Sequence[float]) -> float:
    """Returns the recall of the exact nearest, from their cosines and those of the found ones. A
    product as near as the last exact one counts."""
    first = sorted(found, reverse=True)[:EXACT_NEIGHBOURS]
    return sum(cosine >= exact[-1] - 1e-4 for cosine in first) / len(exact) if exact else 1.0


def make_price_filter(share: float) -> Filters:
    """Returns filters that pass this share, 0 to 1, of the synthetic products."""
    return Filters(price_max=Decimal(str(round(1000 * share, 2)))) if share < 1 else Filters()


def search_exactly(index: LiveIndex, query: np.ndarray, filters: Filters) -> list[float]:
    """Returns the cosines of the EXACT_NEIGHBOURS nearest products that pass the filters, by a scan
    over all embeddings."""
    contents = vector_store().contents(index.generation).as_string()
    statement = f"""
        SELECT max(-(embedding.vector <#> %s::halfvec)) AS similarity
        FROM ({contents}) stored JOIN catalog_embedding embedding USING (product_id, image_id)
        JOIN catalog_product product ON product.id = product_id
        WHERE embedding.encoder_id = %s AND {filter_condition(filters).test.as_string()}
        GROUP BY product_id ORDER BY similarity DESC LIMIT {EXACT_NEIGHBOURS}
    """
    values = [HalfVector(query), index.generation.encoder_id]
    return [row[0] for row in fetch_rows(statement, values)]


def _measure_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)
