"""Compares the vector stores on the live index: retrieval under filters, the time to build, memory
and disk."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import psutil
from django.conf import settings
from django.db import connection
from django.test import override_settings
from psycopg import sql

from catalog.index.live_index import live_index
from catalog.index.stores.vector_table import graph_name
from catalog.index.vector_store import vector_store
from catalog.models import Category, Product
from search.quality.search_benchmark import recall_of, search_exactly
from search.request import Filters
from search.retrieval.candidates import retrieve

REPEATS = 3  # of each query


@dataclass(frozen=True)
class Building:
    """What a store costs beside the tables that all stores have. `build_s`: to fill and build it;
    `disk` and `memory` in bytes; the memory of pgvector is PostgreSQL's cache, which is not counted
    by index."""

    build_s: float
    disk: int
    memory: int | None


@dataclass(frozen=True)
class Retrieval:
    """Retrieval by several queries under one filter: milliseconds of each, and mean recall@20
    against exact search over the full vectors."""

    store: str
    filters: str
    spans_ms: np.ndarray
    recall: float


@contextmanager
def using(store: str, folder: Path) -> Iterator[None]:
    """Lets searches use a store. Qdrant is its engine in this process, with its files in a
    folder."""
    with override_settings(VECTOR_STORE=store, QDRANT_URL=f"edge:{folder}"):
        yield


def build_store(folder: Path) -> Building:
    """Builds what the present store has of the live index, anew."""
    generation = live_index().generation
    memory = psutil.Process().memory_info().rss
    if settings.VECTOR_STORE == "pgvector":
        index = sql.Identifier(graph_name(generation))
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(index))
    start = time.perf_counter()
    vector_store().repair(generation)
    span = time.perf_counter() - start
    if settings.VECTOR_STORE == "pgvector":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_relation_size(%s)", [graph_name(generation)])
            return Building(span, cursor.fetchone()[0], None)
    disk = sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())
    return Building(span, disk, psutil.Process().memory_info().rss - memory)


def compared_filters() -> dict[str, Filters]:
    """Returns filters of the synthetic catalogue by name, from broad to narrow."""
    largest = Category.objects.exclude(products=None).first()
    brand = Product.objects.exclude(brand="").values_list("brand", flat=True).first()
    return {
        "none": Filters(),
        "price, 30 %": Filters(price_max=Decimal(300)),
        "price, 10 %": Filters(price_max=Decimal(100)),
        "price, 1 %": Filters(price_max=Decimal(10)),
        "in stock": Filters(in_stock=True),
        f"brand {brand}": Filters(brand=(brand,)),
        f"category {largest}": Filters(category=(largest.slug,) if largest else ()),
    }


def measure_retrieval(
    stores: Sequence[str], folder: Path, queries: np.ndarray, filters: Mapping[str, Filters]
) -> Iterator[Retrieval]:
    """Retrieves by each query (n, dimensions of the index space) from each store in turn, so that
    other load affects all of them equally."""
    index, most = live_index(), settings.SEARCH_CANDIDATES
    for name, chosen in filters.items():
        spans: dict[str, list[float]] = {store: [] for store in stores}
        recalls: dict[str, list[float]] = {store: [] for store in stores}
        for query in queries:
            exact = search_exactly(index, query, chosen)
            for _ in range(REPEATS):
                for store in stores:
                    with using(store, folder):
                        start = time.perf_counter()
                        [found] = retrieve(index, query[None], chosen, None, most).by_query
                        spans[store].append(1000 * (time.perf_counter() - start))
                    recalls[store].append(recall_of([c.similarity or 0.0 for c in found], exact))
        for store in stores:
            yield Retrieval(store, name, np.array(spans[store]), float(np.mean(recalls[store])))
