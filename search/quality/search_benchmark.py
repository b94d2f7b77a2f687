"""How fast searches are, by stage, beside the floor below which none can be: decoding, the bare
compiled forward and the bare statement."""

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
from search.answer import StageClock
from search.filters.declared import filter_condition
from search.photo_search import search
from search.query.photo_decoding import useful_side
from search.ranking.paging import photos_for_each
from search.request import Box, Filters, SearchRequest, checked_box
from search.retrieval.candidates import retrieve

SIDE = 480  # pixels of the longer side of a photo
NEAREST = 20
STAGES = (*StageClock.STAGES, "total")

_numbers = count()


@dataclass(frozen=True)
class Load:
    """Milliseconds of each search by stage, and how many were answered in a second."""

    clients: int
    per_second: float
    stages_ms: dict[str, np.ndarray]

    def percentile(self, stage: str, percent: float) -> float:
        return float(np.percentile(self.stages_ms[stage], percent))


def photos_of(folder: Path) -> list[bytes]:
    """The photos of a folder as JPEG, their longer side SIDE pixels."""
    photos = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        scale = SIDE / max(image.size)
        image = image.resize((round(scale * image.width), round(scale * image.height)))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        photos.append(file.getvalue())
    return photos


def as_new(photo: bytes) -> bytes:
    """The same JPEG with a comment that no photo before had: nothing kept of another serves it."""
    note = f"{time.time_ns()} {next(_numbers)}".encode()
    return photo[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2) + note + photo[2:]


def measure_load(
    photos: Sequence[bytes], clients: int, searches: int, request: SearchRequest
) -> Load:
    """`searches` by photo, each as `request` says otherwise, by so many clients at once, each of
    which asks again when it is answered."""
    upcoming = iter([as_new(photos[number % len(photos)]) for number in range(searches)])
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
    return _load(clients, timings, time.perf_counter() - start)


def measure_beside_floor(
    photos: Sequence[bytes], searches: int, request: SearchRequest
) -> tuple[Load, Load]:
    """(the floor, one client) of so many searches. The floor is what they take at least: each photo
    decoded, it and the things in it scaled to what the encoder takes, these pixels through the
    compiled towers, and the nearest products of the same vectors by SQL. They take turns, each with
    another photo, so that both find the machine alike: what else it does, what its caches hold."""
    index = live_index()
    bare = [_bare_work(photo, request, index) for photo in photos]
    floors: list[dict[str, float]] = []
    timings: list[dict[str, float]] = []
    for number in range(searches):
        photo = as_new(photos[number % len(photos)])
        timings.append(search(replace(request, images=(photo,))).timings_ms)
        other = bare[(number + len(bare) // 2) % len(bare)]
        parts = {stage: _milliseconds(part) for stage, part in other.items()}
        floors.append({**parts, "total": sum(parts.values())})
    return _load(1, floors), _load(1, timings)


def _load(clients: int, timings: Sequence[dict[str, float]], span_s: float = 0.0) -> Load:
    """`span_s`: how long all took together; by default the sum."""
    stages = {stage: np.array([t[stage] for t in timings]) for stage in timings[0]}
    return Load(clients, len(timings) / (span_s or stages["total"].sum() / 1000), stages)


def _bare_work(
    photo: bytes, request: SearchRequest, index: LiveIndex
) -> dict[str, Callable[[], object]]:
    """By stage, what no search by this photo can do without."""
    encoder, boxed = index.query_encoder, request.box is not None
    [analysis] = analyse_photos([_decoded(photo, request.box, encoder)], boxed, encoder)
    targets = choose_targets([analysis])
    queries = index.to_index_space(np.stack([target.vector for target in targets]))
    boxes = [found.box for found in analysis.detections[: len(analysis.crop_vectors)]]
    query = VectorQuery(index, queries, photos_for_each(queries))

    def decode() -> tuple[np.ndarray, np.ndarray | None]:
        image = _decoded(photo, request.box, encoder)
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


def _decoded(photo: bytes, box: Box | None, encoder: Encoder) -> Image.Image:
    """A photo as searches decode it, in this process."""
    part = checked_box(box)
    return decode_image(photo, box=part, at_least=useful_side(part, encoder))


def queries_of(photos: Sequence[bytes], index: LiveIndex) -> np.ndarray:
    """The vectors of the index space that searches by whole photos look for, float32 (n,
    dimensions): of the things in each."""
    encoder, targets = index.query_encoder, []
    for photo in photos:
        targets += choose_targets(analyse_photos([_decoded(photo, None, encoder)], False, encoder))
    return index.to_index_space(np.stack([target.vector for target in targets]))


def measure_recall(queries: np.ndarray, filters: Filters) -> tuple[float, float]:
    """(recall@20 against exact search over the full vectors, median milliseconds) of retrieval for
    each of `queries` with these filters. A product as near as the last of the exact ones counts."""
    index = live_index()
    answers, spans, recalls = [], [], []
    wanted = settings.SEARCH_CANDIDATES
    for query in queries:
        start = time.perf_counter()
        answers.append(retrieve(index, query[None], filters, "", wanted).found[0])
        spans.append(1000 * (time.perf_counter() - start))
    for query, found in zip(queries, answers, strict=True):
        first = sorted((c.similarity or 0.0 for c in found), reverse=True)[:NEAREST]
        exact = _exact(index, query, filters)
        recalls.append(sum(one >= exact[-1] - 1e-4 for one in first) / len(exact) if exact else 1.0)
    return float(np.mean(recalls)), float(np.median(spans))


def priced_up_to(share: float) -> Filters:
    """Filters that this share of evenly priced products passes, 0 to 1."""
    return Filters(price_max=Decimal(str(round(1000 * share, 2)))) if share < 1 else Filters()


def _exact(index: LiveIndex, query: np.ndarray, filters: Filters) -> list[float]:
    """The cosines of the NEAREST products that pass the filters, by a scan over all embeddings."""
    contents = vector_store().contents(index.generation).as_string()
    statement = f"""
        SELECT max(-(embedding.vector <#> %s::halfvec)) AS similarity
        FROM ({contents}) stored JOIN catalog_embedding embedding USING (product_id, image_id)
        JOIN catalog_product product ON product.id = product_id
        WHERE embedding.encoder_id = %s AND {filter_condition(filters).as_string()}
        GROUP BY product_id ORDER BY similarity DESC LIMIT {NEAREST}
    """
    values = [HalfVector(query), index.generation.encoder_id]
    return [row[0] for row in fetch_rows(statement, values)]


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)
