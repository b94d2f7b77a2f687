"""Every filter, with the graph of every vector store: what is found passes, and it is what an exact
search over the full vectors finds."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import caches
from django.test.utils import override_settings

from catalog.index.live_index import LiveIndex, live_index
from catalog.index.vector_store import vector_store
from catalog.models import Embedding, Product, Tag, Variant
from search.quality.search_benchmark import search_exactly
from search.request import Filters
from search.retrieval import candidates as retrieval
from search.retrieval.candidates import retrieve
from tests.catalog.index.stores.conftest import STORES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("demo_index"),
    pytest.mark.long,
]

QUERIES = 5
NEAREST = 20


@pytest.fixture(params=STORES)
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveIndex]:
    """The demo index in each store, with variants of some products. Searches use the graph even if
    few products pass."""
    monkeypatch.setattr(retrieval, "GRAPH_COST", 0.0)
    caches["default"].clear()
    for product in Product.objects.order_by("pk")[:200]:
        for number, size in enumerate(("S", "M: wide")):
            Variant.objects.create(
                product=product,
                sku=f"{product.sku}-{size}",
                options={"size": size},
                price=20 + product.pk % 50 + number,
                in_stock=bool(number),
            )
    url = STORES[request.param]
    url += str(tmp_path) if url == "edge:" else ""
    with override_settings(VECTOR_STORE=request.param.split("-")[0], QDRANT_URL=url):
        vector_store().repair(live_index().generation)
        yield live_index()


def every_filter() -> list[Filters]:
    """Returns filters of each kind, alone and together."""
    categories = Product.objects.order_by("pk").values_list("category__slug", flat=True)
    brands = Product.objects.exclude(brand="").order_by("pk").values_list("brand", flat=True)
    tag = Tag.objects.filter(product_tags__isnull=False).order_by("pk").first()
    assert tag is not None
    return [
        Filters(),
        Filters(category=(categories[0],)),
        Filters(category=(categories[0], categories[300])),
        Filters(tag=(tag.slug,)),
        Filters(brand=(brands[0], brands[100])),
        Filters(price_min=Decimal(30), price_max=Decimal(90)),
        Filters(in_stock=True),
        Filters(option=("size:M: wide",)),
        Filters(option=("size:S", "size:M: wide"), price_max=Decimal(40)),
        Filters(category=(categories[0],), in_stock=True, price_max=Decimal(500)),
    ]


def test_every_filter_finds_what_an_exact_search_finds(index: LiveIndex) -> None:
    vectors = Embedding.objects.order_by("product_id", "image_id").values_list("vector", flat=True)[
        : 50 * QUERIES : 50
    ]
    for filters in every_filter():
        shares = []
        for vector in vectors:
            query = np.asarray(vector, np.float32)
            exact = search_exactly(index, query, filters)
            [found] = retrieve(index, query[None], filters, None, 200).by_query
            cosines = sorted((c.similarity or 0.0 for c in found), reverse=True)[:NEAREST]
            assert len(cosines) == len(exact) > 0, filters
            shares.append(sum(cosine >= exact[-1] - 1e-4 for cosine in cosines) / len(exact))
        assert np.mean(shares) >= 0.98, filters


def test_changes_by_sql_count_at_once(index: LiveIndex) -> None:
    vector = Embedding.objects.order_by("product_id", "image_id").values_list("vector", flat=True)[
        0
    ]
    query = np.asarray(vector, np.float32)[None]
    cheap = Filters(price_max=Decimal(1))
    Product.objects.exclude(variants__isnull=False).update(price=50)
    alone = Product.objects.filter(variants__isnull=True).order_by("pk")[:5]
    changed = {product.pk for product in alone}

    Product.objects.filter(pk__in=changed).update(price=1)
    found = retrieve(index, query, cheap, None, 200)
    assert {c.product_id for c in found.by_query[0]} == changed

    Product.objects.filter(pk=min(changed)).update(is_visible=False)
    caches["default"].clear()
    found = retrieve(index, query, cheap, None, 200)
    assert {c.product_id for c in found.by_query[0]} == changed - {min(changed)}
