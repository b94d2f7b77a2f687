"""Facets of searches in the demo."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from catalog.index.live_index import LiveIndex, live_index
from catalog.models import Embedding, Product
from search.filters.kinds import VALUES_PER_FACET
from search.request import Filters
from search.retrieval.candidates import retrieve
from search.retrieval.facets import read_facets

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]


def query_of(index: LiveIndex) -> np.ndarray:
    """Returns the vector of a photo of the catalogue, (1, dimensions)."""
    embedding = Embedding.objects.filter(encoder=index.generation.encoder).earliest("pk")
    return np.asarray(embedding.vector, np.float32)[None]


def test_facets_of_narrow_filters_count_all_matching_products() -> None:
    index = live_index()
    price = Product.objects.order_by("price").values_list("price", flat=True)[250]
    products = list(Product.objects.filter(price__lte=price).for_display())

    candidates = retrieve(index, query_of(index), Filters(price_max=price), "", 20)
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


def test_facets_of_a_broad_search_count_its_candidates() -> None:
    index = live_index()

    candidates = retrieve(index, query_of(index), Filters(), "", 50)

    found = {candidate.product_id for candidate in candidates.by_query[0]}
    counted: Any = read_facets(candidates.facets)["category"]
    assert sum(value["count"] for value in counted) == len(found) < Product.objects.count()


def test_facet_labels_are_in_the_language_of_the_request(get: Any) -> None:
    english = get("search/text/", {"q": "lamp"}, {"accept-language": "en"})
    russian = get("search/text/", {"q": "lamp"}, {"accept-language": "ru"})

    labels = [{v["label"] for v in a["facets"]["category"]} for a in (english, russian)]
    assert labels[0] != labels[1]
    assert all(any("а" <= letter <= "я" for letter in label.lower()) for label in labels[1])


def test_facets_without_candidates_are_empty() -> None:
    assert read_facets(None) == {
        "category": [],
        "brand": [],
        "tag": [],
        "price": {"min": None, "max": None},
        "option": [],
    }
