"""Retrieval under filters of any selectivity, in a catalogue large enough for a graph."""

from collections import Counter
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.demo.synthetic import Centres, copy_synthetic_embeddings, make_synthetic_catalogue
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.vocabulary import vocabulary_for
from catalog.models import Embedding, Product
from indexing.vectors.write_vectors import sync_products
from search.filters.kinds import VALUES_PER_FACET
from search.ranking.paging import photos_per_query
from search.ranking.scoring import rank_by_features
from search.request import Filters
from search.retrieval import candidates as retrieval
from search.retrieval.candidates import Candidates, exact_search_limit, retrieve
from search.retrieval.facets import read_facets

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

SYNTHETIC = 4_000
WANTED = 200
NEAREST = 20


@pytest.fixture
def large() -> LiveIndex:
    """The demo with SYNTHETIC more products around its own, whose prices go evenly to 1,000."""
    index = live_index()
    rows = Embedding.objects.order_by("product_id", "image_id").values_list("product_id", "vector")
    ids, vectors = zip(*rows, strict=True)
    stacked = np.stack([np.asarray(vector, np.float32) for vector in vectors])
    centres = Centres(stacked, list(ids))
    vocabulary = vocabulary_for(index.query_encoder).checksum
    make_synthetic_catalogue(SYNTHETIC, centres, vocabulary)
    copy_synthetic_embeddings(index.generation.encoder, centres)
    made = Product.objects.filter(sku__startswith="synthetic-")
    sync_products(index, list(made.values_list("pk", flat=True)))
    generation = copy(index.generation)
    generation.images += SYNTHETIC
    return replace(index, generation=generation)


def queries(index: LiveIndex, count: int) -> list[np.ndarray]:
    """Vectors between two products of the catalogue each, (1, dimensions)."""
    vectors = Embedding.objects.filter(encoder=index.generation.encoder).order_by("product_id")
    stacked = np.stack([np.asarray(e.vector, np.float32) for e in vectors[: 40 * count : 20]])
    mixed = stacked[:count] + 0.7 * stacked[count : 2 * count]
    return list((mixed / np.linalg.norm(mixed, axis=1, keepdims=True))[:, None])


def best_cosines(index: LiveIndex, query: np.ndarray) -> dict[int, float]:
    """The cosine of the query and the best photo of each product."""
    rows = Embedding.objects.filter(encoder=index.generation.encoder)
    best: dict[int, float] = {}
    for product_id, vector in rows.values_list("product_id", "vector"):
        cosine = float(np.asarray(vector, np.float32) @ query[0])
        best[product_id] = max(cosine, best.get(product_id, -1.0))
    return best


def exact(index: LiveIndex, query: np.ndarray, passing: set[int]) -> list[float]:
    """The cosines of the nearest of the products `passing`, by brute force."""
    cosines = [c for pk, c in best_cosines(index, query).items() if pk in passing]
    return sorted(cosines, reverse=True)[:NEAREST]


def nearest(candidates: Candidates) -> list[float]:
    return [
        r.features["similarity"] for r in rank_by_features(candidates.by_query[0], {}, {})[:NEAREST]
    ]


def test_filters_of_any_selectivity_find_what_exact_search_finds(large: LiveIndex) -> None:
    for price, way in (
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
        for query in queries(large, 10):
            candidates = retrieve(large, query, filters, "", WANTED)
            found, best = nearest(candidates), exact(large, query, passing)
            recalls.append(sum(one >= best[-1] - 1e-3 for one in found) / len(best))
            assert {c.product_id for c in candidates.by_query[0]} <= passing
            assert candidates.complete == (way == "exact")
        assert np.mean(recalls) >= 0.98, (price, recalls)


def test_the_way_is_chosen_by_how_many_products_pass(large: LiveIndex) -> None:
    limit = exact_search_limit(large.generation.images, WANTED)
    prices = Product.objects.order_by("price").values_list("price", flat=True)
    query = queries(large, 1)[0]

    at_most = retrieve(large, query, Filters(price_max=prices[limit - 20]), "", WANTED)
    more = retrieve(large, query, Filters(price_max=prices[limit + 20]), "", WANTED)

    assert at_most.complete
    assert not more.complete
    assert len(at_most.by_query[0]) > 100 < len(more.by_query[0])


def test_a_filter_that_many_products_pass_is_remembered(large: LiveIndex) -> None:
    filters, query = Filters(price_max=Decimal(700)), queries(large, 1)[0]
    first = retrieve(large, query, filters, "", WANTED)

    # When few enough products pass to compare them all.
    limit = exact_search_limit(large.generation.images, WANTED)
    passing = Product.objects.filter(price__lte=700).values_list("pk", flat=True)
    Product.objects.filter(pk__in=list(passing[limit - 100 :])).update(price=999)
    remembered = retrieve(large, query, filters, "", WANTED)
    caches["default"].clear()
    counted_again = retrieve(large, query, filters, "", WANTED)

    assert [c.complete for c in (first, remembered, counted_again)] == [False, False, True]


def test_where_the_graph_gives_up_everything_is_compared(
    large: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a graph that gives up after a hundred photos, and a search that always begins with it.
    monkeypatch.setattr(retrieval, "GRAPH_COST", 0.0)
    monkeypatch.setattr(retrieval, "MAX_SCANNED", 100)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.max_scan_tuples = 100")
    filters = Filters(price_max=Decimal(10))
    passing = set(Product.objects.filter(price__lte=10).values_list("pk", flat=True))

    candidates = retrieve(large, queries(large, 1)[0], filters, "", WANTED)

    assert candidates.complete
    assert {c.product_id for c in candidates.by_query[0]} == passing


def test_searches_are_planned_once_but_for_each_filter_anew(large: LiveIndex) -> None:
    def planned() -> tuple[int, int]:
        """How often, of searches, a plan was made for all values, and one for these."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(generic_plans), 0), coalesce(sum(custom_plans), 0)"
                " FROM pg_prepared_statements WHERE statement LIKE '%hnsw%'"
            )
            return cursor.fetchone()

    for query in queries(large, 20):
        retrieve(large, query, Filters(), "", WANTED)
    for_all, for_these = planned()
    assert for_all >= 5

    for number, query in enumerate(queries(large, 20)):
        retrieve(large, query, Filters(price_max=Decimal(100 + number)), "", WANTED)
    assert planned() == (for_all, for_these)


def test_values_of_filters_cannot_break_out_of_the_statement(large: LiveIndex) -> None:
    brand = "100% 'wool'; -- {table} %s \\'"
    made = Product.objects.filter(sku="synthetic-7")
    made.update(brand=brand)

    found = retrieve(large, queries(large, 1)[0], Filters(brand=(brand,)), "", WANTED)

    assert [c.product_id for c in found.by_query[0]] == [made.get().pk]


def test_a_search_is_one_statement_however_many_objects_there_are(large: LiveIndex) -> None:
    vectors = np.concatenate(queries(large, 5))

    with CaptureQueriesContext(connection) as asked:
        candidates = retrieve(large, vectors, Filters(), "", WANTED)

    assert sum("catalog_embedding" in q["sql"] for q in asked.captured_queries) == 1
    assert [len(found) > 20 for found in candidates.by_query] == [True] * 5


@pytest.mark.parametrize(
    ("max_photos", "images", "expected"), [(200, 1444, 849), (200, 10**6, 22360)]
)
def test_comparing_all_is_cheaper_up_to_a_number(
    max_photos: int, images: int, expected: int
) -> None:
    # n compared photos cost as much as 2.5 · max_photos · images / n visited ones at
    # n = √(2.5 · max_photos · images).
    assert exact_search_limit(images, max_photos) == expected


def test_facets_count_all_that_pass_narrow_filters_as_a_person_would() -> None:
    index = live_index()
    price = Product.objects.order_by("price").values_list("price", flat=True)[250]
    products = list(Product.objects.filter(price__lte=price).for_display())

    candidates = retrieve(index, queries(index, 1)[0], Filters(price_max=price), "", 20)
    facets = read_facets(candidates.facets)

    assert len(candidates.by_query[0]) < len(products)
    brands = Counter(product.brand for product in products)
    categories = Counter(product.category.slug for product in products if product.category)
    tags = Counter(given.tag.slug for p in products for given in p.product_tags.all())
    for name, expected in (("brand", brands), ("category", categories), ("tag", tags)):
        shown = [(value["value"], value["count"]) for value in facets[name]]
        assert shown
        assert all(expected[value] == count for value, count in shown)
        most = sorted(expected.values(), reverse=True)[:VALUES_PER_FACET]
        assert [count for _, count in shown] == most
    prices = [float(product.price) for product in products]
    assert facets["price"] == {"min": min(prices), "max": max(prices)}


def test_facets_of_a_broad_search_count_what_was_found() -> None:
    index = live_index()

    candidates = retrieve(index, queries(index, 1)[0], Filters(), "", 50)

    found = {candidate.product_id for candidate in candidates.by_query[0]}
    counted: Any = read_facets(candidates.facets)["category"]
    assert sum(value["count"] for value in counted) == len(found) < Product.objects.count()


def test_labels_of_facets_come_in_the_language_of_the_request(get: Any) -> None:
    english = get("search/text/", {"q": "lamp"}, {"accept-language": "en"})
    russian = get("search/text/", {"q": "lamp"}, {"accept-language": "ru"})

    labels = [{v["label"] for v in a["facets"]["category"]} for a in (english, russian)]
    assert labels[0] != labels[1]
    assert all(any("а" <= letter <= "я" for letter in label.lower()) for label in labels[1])


def test_nothing_has_empty_facets() -> None:
    assert read_facets(None) == {
        "category": [],
        "brand": [],
        "tag": [],
        "price": {"min": None, "max": None},
    }


@pytest.mark.parametrize(("things", "photos"), [(1, 200), (2, 100), (3, 66), (4, 50), (5, 50)])
def test_things_of_one_photo_share_the_candidates(things: int, photos: int, settings: Any) -> None:
    settings.SEARCH_CANDIDATES = 200

    assert photos_per_query(np.zeros((things, 4), np.float32)) == photos
