"""Properties of all filters and pages, on generated examples."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Category, Product
from search.photo_search import search
from search.request import SORTS, Filters, SearchRequest
from search.retrieval.products import list_products
from tests.search.conftest import DemoPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CATEGORIES = ["living-room", "lights", "office", "kitchen", "no-such-category"]
TAGS = ["chair", "lamp", "table", "armchair", "no-such-tag"]
BRANDS = ["Blend Swap", "Kator Legaz", "Scopia", "nobody"]
PRICES = ["0", "10", "10.01", "50", "89.99", "90", "110", "110.01"]


def some_of(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Generates mostly no values, else one or two, so that many products pass."""
    chosen = st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple)
    return st.just(()) | st.just(()) | chosen


prices = st.none() | st.sampled_from(PRICES).map(Decimal)
filters = st.builds(
    Filters,
    category=some_of(CATEGORIES),
    tag=some_of(TAGS),
    brand=some_of(BRANDS),
    price_min=prices,
    price_max=prices,
    in_stock=st.sampled_from([None, True, False]),
)


@pytest.fixture
def shop() -> list[Any]:
    """All products of the demo. Some are sold out and some hidden, and many share a price from 0 to
    110. Kitchen is a subcategory of lights, and lights of the living room."""
    ids = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    Product.objects.update(price=F("pk") % 12 * 10)
    Product.objects.filter(pk__in=ids[::7]).update(in_stock=False)
    Product.objects.filter(pk__in=ids[::50]).update(is_visible=False)
    Product.objects.filter(pk__in=ids[::90]).update(category=None)
    for child, parent in (("lights", "living-room"), ("kitchen", "lights")):
        Category.objects.filter(slug=child).update(parent=Category.objects.get(slug=parent))
    related = ("category__parent__parent",)
    return list(Product.objects.select_related(*related).prefetch_related("product_tags__tag"))


def passes(product: Any, chosen: Filters) -> bool:
    """Returns whether a product passes the filters."""
    tags = {given.tag.slug for given in product.product_tags.all()}
    return (
        product.is_visible
        and (
            "category" not in chosen
            or bool(set(chosen["category"]) & set(_category_slugs(product)))
        )
        and ("tag" not in chosen or bool(tags & set(chosen["tag"])))
        and ("brand" not in chosen or product.brand in chosen["brand"])
        and ("price_min" not in chosen or product.price >= chosen["price_min"])
        and ("price_max" not in chosen or product.price <= chosen["price_max"])
        and ("in_stock" not in chosen or product.in_stock == chosen["in_stock"])
    )


def _category_slugs(product: Any) -> Iterator[str]:
    """Yields the slugs of the product's category and its ancestors."""
    category = product.category
    while category:
        yield category.slug
        category = category.parent


def collect_ids(request: SearchRequest, limit: int, max_ids: int = 10_000) -> list[int]:
    """Returns the ids on the pages of a search, until there are `max_ids`."""
    ids: list[int] = []
    offset: int | None = 0
    while offset is not None and len(ids) < max_ids:
        # The settings of a search end with its transaction.
        with transaction.atomic():
            answer = search(replace(request, limit=limit, offset=offset))
            transaction.set_rollback(True)
        ids += [result.product.pk for result in answer.results]
        offset = answer.next_offset
    return ids


@BOUNDED
@given(chosen=filters)
def test_a_search_shows_exactly_the_products_that_pass_its_filters(
    shop: list[Any], chosen: Filters
) -> None:
    other = shop[3].pk
    expected = {product.pk for product in shop if passes(product, chosen)} - {other}

    found = collect_ids(SearchRequest(product_id=other, filters=chosen, fold=False), 100)

    assert set(found) == expected
    assert len(found) == len(expected)


@BOUNDED
@given(chosen=filters, sort=st.sampled_from(SORTS), limit=st.integers(20, 100))
def test_a_list_shows_exactly_the_products_that_pass_its_filters_in_order(
    shop: list[Any], chosen: Filters, sort: str, limit: int
) -> None:
    expected = {product.pk: product for product in shop if passes(product, chosen)}

    found: list[int] = []
    offset: int | None = 0
    while offset is not None:
        page = list_products(chosen, sort, limit, offset)
        found += [product.pk for product in page["results"]]
        offset = page["next_offset"]

    assert sorted(found) == sorted(expected)
    if sort in ("price", "-price"):
        prices = [expected[pk].price for pk in found]
        assert prices == sorted(prices, reverse=sort.startswith("-"))


@settings(BOUNDED, max_examples=6)
@given(
    sort=st.sampled_from(SORTS),
    limit=st.integers(7, 100),
    text=st.sampled_from(["lamp", "стул", "thing"]),
    fold=st.booleans(),
    chosen=st.just(Filters()) | filters,
)
def test_pages_neither_repeat_nor_skip(
    shop: list[Any], sort: str, limit: int, text: str, fold: bool, chosen: Filters
) -> None:
    request = SearchRequest(text=text, sort=sort, fold=fold, filters=chosen)

    pages, whole = collect_ids(request, limit, 200), collect_ids(request, 100, 200)

    assert pages[:200] == whole[:200]
    assert len(set(pages)) == len(pages)


@settings(BOUNDED, max_examples=5)
@given(
    name=st.sampled_from(["scopia-living-lamp-2", "blends-bed1-1", "blends-bedwithtexture-3"]),
    sort=st.sampled_from(SORTS),
    limit=st.integers(7, 100),
    fold=st.booleans(),
)
def test_pages_of_a_photo_and_of_its_objects_neither_repeat_nor_skip(
    photos: dict[str, DemoPhoto], name: str, sort: str, limit: int, fold: bool
) -> None:
    request = SearchRequest(images=(photos[name].data,), sort=sort, fold=fold)

    pages, whole = collect_ids(request, limit, 300), collect_ids(request, 100, 300)

    assert pages[:300] == whole[:300]
    assert len(set(whole)) == len(whole) >= (250 if sort == SORTS[0] else 1)


def test_the_settings_of_a_search_end_with_its_transaction() -> None:
    collect_ids(SearchRequest(text="lamp"), 100)

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('hnsw.ef_search')::int")
        assert cursor.fetchone() == (site.HNSW_EF_SEARCH,)
