"""Retrieval under filters of any selectivity, in a catalogue large enough for a graph."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.demo.synthetic import Centres, copy_synthetic_embeddings, make_synthetic_catalogue
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.stores import pgvector_store
from catalog.index.vocabulary import read_vocabulary
from catalog.models import Embedding, Product
from indexing.vectors.write_vectors import sync_products
from search.ranking.paging import photos_per_query
from search.ranking.scoring import rank_by_features
from search.request import Filters
from search.retrieval import candidates as retrieval
from search.retrieval.candidates import Candidates, exact_search_limit, retrieve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

SYNTHETIC = 4_000
MAX_PHOTOS = 200
NEAREST = 20


@pytest.fixture(scope="module")
def large(demo_index: None, django_db_blocker: Any) -> Iterator[LiveIndex]:
    """The demo with SYNTHETIC more products around its own, whose prices are spread up to 1,000.
    Its transaction lasts as long as this module."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield add_synthetic_products(live_index())
        transaction.set_rollback(True)


def add_synthetic_products(index: LiveIndex) -> LiveIndex:
    """Adds the products to the catalogue and the index, and returns the larger index."""
    rows = Embedding.objects.order_by("product_id", "image_id").values_list("product_id", "vector")
    ids, vectors = zip(*rows, strict=True)
    stacked = np.stack([np.asarray(vector, np.float32) for vector in vectors])
    centres = Centres(stacked, list(ids))
    vocabulary = read_vocabulary().checksum
    make_synthetic_catalogue(SYNTHETIC, centres, vocabulary)
    copy_synthetic_embeddings(index.generation.encoder, centres)
    made = Product.objects.filter(sku__startswith="synthetic-")
    sync_products(index, list(made.values_list("pk", flat=True)))
    generation = copy(index.generation)
    generation.images += SYNTHETIC
    return replace(index, generation=generation)


def queries(index: LiveIndex, count: int) -> list[np.ndarray]:
    """Returns query vectors (1, dimensions), each between two products of the catalogue."""
    vectors = Embedding.objects.filter(encoder=index.generation.encoder).order_by("product_id")
    stacked = np.stack([np.asarray(e.vector, np.float32) for e in vectors[: 40 * count : 20]])
    mixed = stacked[:count] + 0.7 * stacked[count : 2 * count]
    return list((mixed / np.linalg.norm(mixed, axis=1, keepdims=True))[:, None])


class ExactSearch:
    """Search by brute force among all photos of the catalogue."""

    def __init__(self, index: LiveIndex) -> None:
        rows = Embedding.objects.filter(encoder=index.generation.encoder)
        products, vectors = zip(*rows.values_list("product_id", "vector"), strict=True)
        self.products = np.array(products)
        self.vectors = np.stack([np.asarray(vector, np.float32) for vector in vectors])

    def find(self, query: np.ndarray, passing: set[int]) -> list[float]:
        """Returns the cosines of the nearest of the products `passing`."""
        best: dict[int, float] = {}
        for product, cosine in zip(self.products, self.vectors @ query[0], strict=True):
            if product in passing:
                best[product] = max(float(cosine), best.get(product, -1.0))
        return sorted(best.values(), reverse=True)[:NEAREST]


def nearest(candidates: Candidates) -> list[float]:
    return [
        r.features["similarity"] for r in rank_by_features(candidates.by_query[0], {}, {})[:NEAREST]
    ]


def test_filters_of_any_selectivity_find_what_exact_search_finds(large: LiveIndex) -> None:
    exact, made = ExactSearch(large), queries(large, 10)
    for price, method in (
        (None, "graph"),
        (600, "graph"),
        (100, "exact"),
        (10, "exact"),
        (1, "exact"),
    ):
        filters = Filters(price_max=Decimal(price)) if price else Filters()
        products = Product.objects.filter(price__lte=price) if price else Product.objects.all()
        passing = set(products.values_list("pk", flat=True))
        recalls = []
        for query in made:
            candidates = retrieve(large, query, filters, "", MAX_PHOTOS)
            found, best = nearest(candidates), exact.find(query, passing)
            recalls.append(sum(cosine >= best[-1] - 1e-3 for cosine in found) / len(best))
            assert {c.product_id for c in candidates.by_query[0]} <= passing
            assert candidates.complete == (method == "exact")
        assert np.mean(recalls) >= 0.98, (price, recalls)


def test_narrow_filters_compare_all_matching_products(large: LiveIndex) -> None:
    limit = exact_search_limit(large.generation.images, MAX_PHOTOS)
    prices = Product.objects.order_by("price").values_list("price", flat=True)
    query = queries(large, 1)[0]

    at_most = retrieve(large, query, Filters(price_max=prices[limit - 20]), "", MAX_PHOTOS)
    more = retrieve(large, query, Filters(price_max=prices[limit + 20]), "", MAX_PHOTOS)

    assert at_most.complete
    assert not more.complete
    assert len(at_most.by_query[0]) > 100 < len(more.by_query[0])


def test_the_count_of_a_broad_filter_is_cached(large: LiveIndex) -> None:
    filters, query = Filters(price_max=Decimal(700)), queries(large, 1)[0]
    first = retrieve(large, query, filters, "", MAX_PHOTOS)

    # When few enough products pass to compare them all.
    limit = exact_search_limit(large.generation.images, MAX_PHOTOS)
    passing = Product.objects.filter(price__lte=700).values_list("pk", flat=True)
    Product.objects.filter(pk__in=list(passing[limit - 100 :])).update(price=999)
    remembered = retrieve(large, query, filters, "", MAX_PHOTOS)
    caches["default"].clear()
    counted_again = retrieve(large, query, filters, "", MAX_PHOTOS)

    assert [c.complete for c in (first, remembered, counted_again)] == [False, False, True]


def test_all_matching_products_are_compared_if_the_graph_gives_up(
    large: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a graph that gives up after a hundred photos, and a search that always begins with it.
    monkeypatch.setattr(retrieval, "GRAPH_COST", 0.0)
    monkeypatch.setattr(pgvector_store, "MAX_SCANNED", 100)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.max_scan_tuples = 100")
    filters = Filters(price_max=Decimal(10))
    passing = set(Product.objects.filter(price__lte=10).values_list("pk", flat=True))

    candidates = retrieve(large, queries(large, 1)[0], filters, "", MAX_PHOTOS)

    assert candidates.complete
    assert {c.product_id for c in candidates.by_query[0]} == passing


def test_a_search_without_filters_is_planned_once(large: LiveIndex) -> None:
    def count_plans() -> tuple[int, int]:
        """Returns how many generic and custom plans the prepared searches have had."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(generic_plans), 0), coalesce(sum(custom_plans), 0)"
                " FROM pg_prepared_statements WHERE statement LIKE '%hnsw%'"
            )
            return cursor.fetchone()

    for query in queries(large, 20):
        retrieve(large, query, Filters(), "", MAX_PHOTOS)
    generic, custom = count_plans()
    assert generic >= 5

    for number, query in enumerate(queries(large, 20)):
        retrieve(large, query, Filters(price_max=Decimal(100 + number)), "", MAX_PHOTOS)
    assert count_plans() == (generic, custom)


def test_filter_values_cannot_inject_sql(large: LiveIndex) -> None:
    brand = "100% 'wool'; -- {table} %s \\'"
    made = Product.objects.filter(sku="synthetic-7")
    made.update(brand=brand)

    found = retrieve(large, queries(large, 1)[0], Filters(brand=(brand,)), "", MAX_PHOTOS)

    assert [c.product_id for c in found.by_query[0]] == [made.get().pk]


def test_a_search_is_one_statement_however_many_objects_there_are(large: LiveIndex) -> None:
    vectors = np.concatenate(queries(large, 5))

    with CaptureQueriesContext(connection) as captured:
        candidates = retrieve(large, vectors, Filters(), "", MAX_PHOTOS)

    assert sum("catalog_embedding" in q["sql"] for q in captured.captured_queries) == 1
    assert [len(found) > 20 for found in candidates.by_query] == [True] * 5


@pytest.mark.parametrize(
    ("max_photos", "images", "expected"), [(200, 1444, 849), (200, 10**6, 22360)]
)
def test_the_exact_search_limit_balances_the_costs(
    max_photos: int, images: int, expected: int
) -> None:
    # n compared photos cost as much as 2.5 · max_photos · images / n visited ones at
    # n = √(2.5 · max_photos · images).
    assert exact_search_limit(images, max_photos) == expected


@pytest.mark.parametrize(("things", "photos"), [(1, 200), (2, 100), (3, 66), (4, 50), (5, 50)])
def test_objects_of_one_photo_share_the_candidates(things: int, photos: int, settings: Any) -> None:
    settings.SEARCH_CANDIDATES = 200

    assert photos_per_query(np.zeros((things, 4), np.float32)) == photos
