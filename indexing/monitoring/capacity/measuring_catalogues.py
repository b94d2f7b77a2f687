"""Measures synthetic catalogues in databases of their own."""

import json
import os
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from catalog.demo.synthetic import index_synthetic_catalogue, scratch_database
from catalog.index.live_index import live_index
from catalog.models import Product, ProductImage
from indexing.models import IndexingRun
from indexing.monitoring.capacity.calibration import Calibration, Measurement
from indexing.quality.indexing_benchmark import measure_pipeline, measure_stages

DATABASE = "vitrina_capacity"
SMALLER = 5
"""The smaller catalogue has a fifth of the products."""
MIN_PRODUCTS = 10_000
EMBEDDED_PHOTOS = 1_500
PHOTOS = settings.BASE_DIR / "catalog" / "demo" / "images"
REFRESHED = 1_000

TABLE_BYTES = """
    SELECT
        pg_total_relation_size('catalog_productimage'),
        pg_total_relation_size('catalog_embedding'),
        pg_table_size(%(vectors)s::regclass),
        pg_indexes_size(%(vectors)s::regclass),
        (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
             AND relname NOT IN ('catalog_productimage', 'catalog_embedding')
             AND relname NOT LIKE 'catalog_vector_g%%')
"""


def calibrate(products: int, searches: int) -> Calibration:
    """Measures catalogues of `products` / SMALLER and of `products` products, with `searches`
    searches each. Takes minutes, and as much disk as the larger one."""
    embedding = measure_pipeline(sorted(PHOTOS.glob("*/*.webp")), EMBEDDED_PHOTOS)
    return Calibration(
        made_at=f"{timezone.now():%Y-%m-%d %H:%M}",
        cores=os.cpu_count() or 1,
        encoder=settings.ENCODER,
        images_per_s=embedding.pipeline,
        small=measure_catalogue(products // SMALLER, searches),
        large=measure_catalogue(products, searches),
    )


def measure_catalogue(products: int, searches: int) -> Measurement:
    """Measures a synthetic catalogue, which is dropped afterwards."""
    aside = override_settings(MEDIA_ROOT=settings.DATA_DIR / "bench", LABELLED_PHOTOS="")
    with scratch_database(DATABASE), aside:
        index_synthetic_catalogue(products)
        rebuilt = IndexingRun.objects.filter(kind=IndexingRun.Kind.REBUILD).latest("pk")
        stages = {name: span for name, span in measure_stages(rebuilt).items() if name != "embed"}
        figures = _measure_searches(searches)
        return Measurement(
            products=Product.objects.count(),
            images=ProductImage.objects.count(),
            table_bytes=_measure_tables(),
            stages_s=stages,
            retrieve_ms=figures["stages_ms"]["retrieve"],
            total_ms=figures["stages_ms"]["total"],
            searches_per_s=figures["per_second"],
            refreshed=REFRESHED,
            refresh_s=_measure_refresh(),
        )


def _measure_searches(searches: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        call_command("bench_search", searches=searches, figures=file)
        return dict(json.loads(file.read_text()))


def _measure_tables() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (FREEZE, ANALYZE)")
        table = f"catalog_vector_g{live_index().generation.pk}"
        cursor.execute(TABLE_BYTES, {"vectors": table})
        photos, embeddings, vectors, graph, products = map(int, cursor.fetchone())
    return {
        "products": products,
        "photos": photos,
        "embeddings": embeddings,
        "vectors": vectors,
        "graph": graph,
    }


def _measure_refresh() -> float:
    """Returns the seconds of a refresh of REFRESHED products whose titles have changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_product SET title = title || ' (new)' WHERE id IN"
            " (SELECT id FROM catalog_product WHERE sku LIKE 'synthetic-%%'"
            " ORDER BY md5(sku) LIMIT %s)",
            [REFRESHED],
        )
    start = time.perf_counter()
    call_command("index", "refresh", verbosity=0)
    return time.perf_counter() - start
