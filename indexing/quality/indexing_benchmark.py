"""Benchmarks of the offline side, on a scratch database that is dropped afterwards."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
from django.conf import settings
from django.db import connection
from django.test import override_settings

from catalog.demo.load import VOCABULARY, load_vocabulary
from catalog.demo.synthetic import (
    copy_synthetic_embeddings,
    make_synthetic_catalogue,
    random_centres,
    scratch_database,
)
from catalog.imaging.image_decoding import ImageLimits
from catalog.index.live_index import encoder_named
from catalog.index.vocabulary import read_vocabulary
from catalog.models import EncoderVersion, Product, ProductImage, Tag
from catalog.visual.encoder import BATCH_SIZE, Encoder
from indexing.embedding.views import VIEWS, decode_views, encode_views
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on

ROWS_PER_INSERT = 5_000
FORWARD_IMAGES = 1_024


@dataclass(frozen=True)
class PipelineFigures:
    """Figures of a rebuild from nothing.

    In images per second: `pipeline` is the embed stage (read, decode, resize, encode, tag, write).
    `forward` and `forward_batches` are the encoder alone, on the pixels of the same photos in
    memory. `forward` uses `encode_views`, one view on each thread, as the pipeline does;
    `forward_batches` uses `encode_batch`, one batch after the other.

    In CPU milliseconds per image of the embed stage: `cpu_ms` of this process and `database_ms` of
    its PostgreSQL backend, None if that runs on another machine. `peak_mb`: the peak memory of this
    process up to the end of the rebuild."""

    images: int
    pipeline: float
    forward: float
    forward_batches: float
    cpu_ms: float
    database_ms: float | None
    peak_mb: float
    stages_s: dict[str, float]


def measure_pipeline(photos: list[Path], count: int) -> PipelineFigures:
    """Rebuilds the index of a catalogue of `count` products from nothing. Each product has one
    photo, `photos` in turn, and a title from the demo's vocabulary."""
    encoder = encoder_named(settings.ENCODER)
    folder = photos[0].parents[1]
    before = measure_forward(encoder, photos)
    usage = StageUsage()
    with scratch_database(), override_settings(MEDIA_ROOT=folder):
        _make_catalogue(photos, folder, count)
        run = work_on(start_rebuild(), usage.note)
        if run.state != IndexingRun.State.SUCCEEDED:
            raise RuntimeError(f"The rebuild {run.state}: {run.error}")
        stages = measure_stages(run)
    peak = peak_mb()  # before measure_batches, which takes more memory than the pipeline
    cpu_s, database_s = usage.of("embed")
    return PipelineFigures(
        images=count,
        pipeline=count / stages["embed"],
        forward=max(before, measure_forward(encoder, photos)),
        forward_batches=measure_batches(encoder, photos),
        cpu_ms=1000 * cpu_s / count,
        database_ms=None if database_s is None else 1000 * database_s / count,
        peak_mb=peak,
        stages_s=stages,
    )


def measure_forward(encoder: Encoder, photos: list[Path]) -> float:
    """Returns images per second of the encoder alone, by `encode_views`, its fastest method."""
    views = _decode_photos(encoder, photos)
    list(encode_views(encoder, enumerate(views)))
    start = time.perf_counter()
    for _ in encode_views(encoder, enumerate(islice(cycle(views), FORWARD_IMAGES))):
        pass
    return FORWARD_IMAGES / (time.perf_counter() - start)


def measure_batches(encoder: Encoder, photos: list[Path]) -> float:
    """Returns images per second of the encoder alone, in batches of BATCH_SIZE views."""
    pixels = np.concatenate(_decode_photos(encoder, photos))
    encoder.encode_batch(pixels[:BATCH_SIZE])
    start = time.perf_counter()
    for done in range(0, FORWARD_IMAGES, BATCH_SIZE):
        first = done % len(pixels)
        encoder.encode_batch(pixels[first : first + BATCH_SIZE])
    return FORWARD_IMAGES / VIEWS / (time.perf_counter() - start)


def _decode_photos(encoder: Encoder, photos: list[Path]) -> list[np.ndarray]:
    limits = ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)
    return [
        decode_views(path.read_bytes(), encoder.preprocessing, limits)
        for path in islice(cycle(photos), 8 * BATCH_SIZE)
    ]


def database_seconds() -> float | None:
    """Returns the CPU seconds so far of the PostgreSQL backend of this connection, or None if it
    runs on another machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    try:
        backend = psutil.Process(pid)
        times = backend.cpu_times()
        return times.user + times.system if backend.name().startswith("postgres") else None
    except psutil.Error:
        return None


class StageUsage:
    """Measures the CPU seconds of each stage of a run. A worker calls `note` when it has planned a
    stage and after each chunk.

    `process_s` and `backend_s` return the CPU seconds so far of this process and of its PostgreSQL
    backend."""

    def __init__(
        self,
        process_s: Callable[[], float] = time.process_time,
        backend_s: Callable[[], float | None] = database_seconds,
    ) -> None:
        self._process_s, self._backend_s = process_s, backend_s
        self._first: dict[str, tuple[float, float | None]] = {}
        self._last: dict[str, tuple[float, float | None]] = {}

    def note(self, run: IndexingRun) -> None:
        used = self._process_s(), self._backend_s()
        self._first.setdefault(run.stage, used)
        self._last[run.stage] = used

    def of(self, stage: str) -> tuple[float, float | None]:
        """Returns the CPU seconds of a stage, by this process and by its backend."""
        (process, backend), (first_process, first_backend) = self._last[stage], self._first[stage]
        if backend is None or first_backend is None:
            return process - first_process, None
        return process - first_process, backend - first_backend


def measure_vectors(count: int) -> dict[str, float]:
    """Rebuilds the index of `count` products that have synthetic embeddings, and returns the
    seconds of each stage, the recall and the peak memory. The embeddings form clusters, as
    embeddings of real photos do."""
    encoder = encoder_named(settings.ENCODER)
    with scratch_database():
        start = time.perf_counter()
        version = EncoderVersion.objects.create(
            name=encoder.name, checksum=encoder.checksum, dimensions=encoder.dimensions
        )
        centres = random_centres(count, encoder.dimensions)
        make_synthetic_catalogue(count, centres, read_vocabulary().checksum)
        products_s = time.perf_counter() - start
        start = time.perf_counter()
        copy_synthetic_embeddings(version, centres)
        copy_s = time.perf_counter() - start
        with override_settings(LABELLED_PHOTOS=""):
            run = work_on(start_rebuild())
        if run.generation is None or run.state != IndexingRun.State.SUCCEEDED:
            raise RuntimeError(f"The rebuild {run.state}: {run.error}")
        stages = measure_stages(run)
        recall = run.generation.recall_at_20 or 0.0
    return {
        "products": products_s,
        "copy_embeddings": copy_s,
        **stages,
        "recall_at_20": recall,
        "peak_mb": peak_mb(),
    }


def measure_stages(run: IndexingRun) -> dict[str, float]:
    """Returns the wall-clock seconds of each stage of a finished run."""
    spans: dict[str, list] = {}
    for chunk in Chunk.objects.filter(run=run).order_by("pk"):
        spans.setdefault(chunk.stage, []).append(chunk)
    return {
        stage: (
            max(c.finished_at for c in chunks) - min(c.started_at for c in chunks)
        ).total_seconds()
        for stage, chunks in spans.items()
    }


def peak_mb() -> float:
    """Returns the peak resident memory of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _make_catalogue(photos: list[Path], folder: Path, count: int) -> None:
    load_vocabulary(VOCABULARY)
    names = list(Tag.objects.values_list("name", flat=True))
    stored = [str(photo.relative_to(folder)) for photo in photos]
    for start in range(0, count, ROWS_PER_INSERT):
        numbers = range(start, min(start + ROWS_PER_INSERT, count))
        products = Product.objects.bulk_create(
            [Product(sku=f"bench-{n}", title=f"{names[n % len(names)]} {n}") for n in numbers]
        )
        ProductImage.objects.bulk_create(
            [  # without hashes of their contents, so that equal photos are not encoded once
                ProductImage(product=product, file=stored[n % len(stored)])
                for n, product in zip(numbers, products, strict=True)
            ]
        )
