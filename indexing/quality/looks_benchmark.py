"""Benchmark of looks that come in several sizes with one photo: as variants of one product, and as
products of their own. On a scratch database that is dropped afterwards."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.test import override_settings

from catalog.demo.synthetic import (
    FILE,
    INSERT_INDEXED,
    Centres,
    copy_embeddings,
    random_centres,
    scratch_database,
)
from catalog.index.live_index import IndexSpace, encoder_named, open_space
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import NearestProduct, vector_store
from catalog.index.vocabulary import read_vocabulary
from catalog.models import Embedding, EncoderVersion, Generation, ProductImage
from indexing.models import IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from indexing.quality.gates import recall_of_distances

MAX_SIZES = 5  # look n comes in 1 + n % 5 sizes
QUERIES = 200
NEAREST_PHOTOS = 200
RESULTS = 20
SPREAD = 0.8  # of looks around their centre, in lengths of the centre
QUERY_SPREAD = 0.3  # of query photos around their look

# A product for each look, or for each of its sizes. The sku begins with the number of the look.
INSERT_PRODUCTS = """
    INSERT INTO catalog_product (sku, title, price)
    SELECT look || '-' || size, 'Thing ' || look, 10
    FROM generate_series(0, %(looks)s - 1) AS look
    CROSS JOIN LATERAL generate_series(
        0, CASE WHEN %(has_variants)s THEN 0 ELSE look %% %(sizes)s END) AS size
"""
INSERT_VARIANTS = """
    INSERT INTO catalog_variant (product_id, sku, position, options, price, in_stock)
    SELECT product.id, 'size ' || product.sku || '-' || size, size,
        jsonb_build_object('size', size::text), 10, true
    FROM catalog_product product CROSS JOIN LATERAL generate_series(
        0, split_part(product.sku, '-', 1)::integer %% %(sizes)s) AS size
"""
INSERT_IMAGES = """
    INSERT INTO catalog_productimage (product_id, position, file, content_hash)
    SELECT id, 0, %(file)s, md5(split_part(sku, '-', 1)) FROM catalog_product
"""


@dataclass(frozen=True)
class LooksFigures:
    """Figures of an index of looks. `encoded`: photos that an encoder had to encode, `embeddings`:
    rows that keep their results. `rows` and `megabytes` are those of the vector table with its
    graph. `recall_at_20`: of the products that an exact search finds among the first 20.
    `looks_at_20`: different looks among them. `median_ms`: of a search of the graph alone."""

    products: int
    encoded: int
    embeddings: int
    rows: int
    megabytes: float
    recall_at_20: float
    looks_at_20: float
    median_ms: float


def measure_looks(looks: int, *, has_variants: bool) -> LooksFigures:
    """Builds the index of `looks` looks in one to five sizes, with synthetic embeddings, and
    searches it with vectors near those of some looks."""
    encoder = encoder_named(settings.ENCODER)
    centres = random_centres(looks, encoder.dimensions)
    with scratch_database(), override_settings(LABELLED_PHOTOS="", COMPOSED_PHOTOS=0):
        version = EncoderVersion.objects.create(
            name=encoder.name, checksum=encoder.checksum, dimensions=encoder.dimensions
        )
        _make_catalogue(looks, has_variants)
        vectors = _scatter(looks, centres)
        encoded = _embed_each_look(version, vectors)
        run = work_on(start_rebuild())
        if run.generation is None or run.state != IndexingRun.State.SUCCEEDED:
            raise RuntimeError(f"The rebuild {run.state}: {run.error}")
        searched = _search(open_space(run.generation), vectors)
        return LooksFigures(
            products=run.generation.products,
            encoded=encoded,
            embeddings=Embedding.objects.count(),
            **_table(run.generation),
            **searched,
        )


def _make_catalogue(looks: int, has_variants: bool) -> None:
    given: dict[str, Any] = {
        "looks": looks,
        "sizes": MAX_SIZES,
        "has_variants": has_variants,
        "file": FILE,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT_PRODUCTS, given)
        cursor.execute(INSERT_IMAGES, given)
        if has_variants:
            cursor.execute(INSERT_VARIANTS, given)
        cursor.execute(INSERT_INDEXED, [read_vocabulary().checksum])
        cursor.execute("ANALYZE")


def _scatter(looks: int, centres: Centres) -> np.ndarray:
    """Returns the vector of each look, unit length (looks, dimensions)."""
    near = centres.vectors[np.arange(looks) % len(centres.vectors)]
    return _move(near, SPREAD, seed=2)


def _move(vectors: np.ndarray, spread: float, seed: int) -> np.ndarray:
    """Returns unit vectors around `vectors`."""
    noise = np.random.default_rng(seed).standard_normal(vectors.shape)
    moved = vectors + spread * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def _embed_each_look(version: EncoderVersion, vectors: np.ndarray) -> int:
    """Embeds one photo of each content, in place of an encoder. The rebuild gives the others a
    copy. Returns the number of photos."""
    firsts = ProductImage.objects.order_by("content_hash", "pk").distinct("content_hash")
    named = firsts.values_list("product_id", "pk", "content_hash", "product__sku")
    rows = list(named)
    numbers = [int(sku.partition("-")[0]) for *_, sku in rows]
    copy_embeddings(version, [row[:3] for row in rows], vectors[numbers])
    return len(rows)


def _table(generation: Generation) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), pg_total_relation_size(%s) FROM {generation.vector_table}",
            [generation.vector_table],
        )
        rows, size = cursor.fetchone()
    return {"rows": rows, "megabytes": size / 1024**2}


def _search(space: IndexSpace, vectors: np.ndarray) -> dict[str, Any]:
    """Searches near evenly chosen looks, by the graph and exactly."""
    chosen = vectors[:: max(1, len(vectors) // QUERIES)][:QUERIES]
    recalls, looks, times = [], [], []
    look_of = _looks_of_products()
    for query in _move(chosen, QUERY_SPREAD, seed=3):
        exact = _nearest(space, query, exact_up_to=len(look_of))
        began = time.perf_counter()
        found = _nearest(space, query)
        times.append(time.perf_counter() - began)
        recalls.append(recall_of_distances(_distances(exact), _distances(found)))
        looks.append(len({look_of[row.product_id] for row in found}))
    return {
        "recall_at_20": float(np.mean(recalls)),
        "looks_at_20": float(np.mean(looks)),
        "median_ms": 1000 * float(np.median(times)),
    }


def _nearest(space: IndexSpace, query: np.ndarray, exact_up_to: int = 0) -> list[NearestProduct]:
    wanted = VectorQuery(space, query[None], NEAREST_PHOTOS, exact_up_to=exact_up_to)
    return vector_store().nearest(wanted)[:RESULTS]


def _distances(found: list[NearestProduct]) -> np.ndarray:
    return np.array([-row.similarity for row in found])


def _looks_of_products() -> dict[int, str]:
    images = ProductImage.objects.values_list("product_id", "content_hash")
    return dict(images)
