"""What holds for any filters and any pages, by examples made up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Category, Product
from search.photo_search import search
from search.products import list_products
from search.request import SORTS, Filters, SearchRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CATEGORIES = ["living-room", "lights", "office", "kitchen", "no-such-category"]
TAGS = ["chair", "lamp", "table", "armchair", "no-such-tag"]
BRANDS = ["Blend Swap", "Kator Legaz", "Scopia", "nobody"]

prices = st.none() | st.sampled_from([0, 10, 49, 50, 120, 500]).map(Decimal)
filters = st.builds(
    Filters,
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True).map(tuple),
    tags=st.lists(st.sampled_from(TAGS), max_size=2, unique=True).map(tuple),
    brands=st.lists(st.sampled_from(BRANDS), max_size=2, unique=True).map(tuple),
    price_min=prices,
    price_max=prices,
    in_stock=st.sampled_from([None, True, False]),
)


@pytest.fixture
def shop() -> list[Any]:
    """Every product of the demo, some sold out, some hidden."""
    ids = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    Product.objects.filter(pk__in=ids[::7]).update(in_stock=False)
    Product.objects.filter(pk__in=ids[::50]).update(is_visible=False)
    return list(Product.objects.all().for_display())


def passes(product: Any, wanted: Filters) -> bool:
    """What the filters say, in Python."""
    tags = {given.tag.slug for given in product.product_tags.all()}
    category = product.category.slug if product.category else None
    return (
        product.is_visible
        and (not wanted.categories or category in wanted.categories)
        and set(wanted.tags) <= tags
        and (not wanted.brands or product.brand in wanted.brands)
        and (wanted.price_min is None or product.price >= wanted.price_min)
        and (wanted.price_max is None or product.price <= wanted.price_max)
        and (wanted.in_stock is None or product.in_stock == wanted.in_stock)
    )


def walk(request: SearchRequest, limit: int) -> list[int]:
    """The ids on all pages of a search."""
    ids: list[int] = []
    offset: int | None = 0
    while offset is not None:
        answer = search(
            SearchRequest(
                text=request.text,
                filters=request.filters,
                sort=request.sort,
                fold=request.fold,
                limit=limit,
                offset=offset,
            )
        )
        ids += [result.product.pk for result in answer.results]
        offset = answer.next_offset
    return ids


def test_the_categories_of_the_demo_have_no_children() -> None:
    assert not Category.objects.exclude(parent=None).exists()  # else `passes` were wrong


@BOUNDED
@given(wanted=filters)
def test_a_search_shows_exactly_what_passes_its_filters(shop: list[Any], wanted: Filters) -> None:
    expected = {product.pk for product in shop if passes(product, wanted)}

    found = walk(SearchRequest(text="lamp", filters=wanted, fold=False), 100)

    assert set(found) == expected
    assert len(found) == len(expected)


@BOUNDED
@given(wanted=filters, sort=st.sampled_from(SORTS))
def test_a_list_of_products_shows_exactly_what_passes_its_filters(
    shop: list[Any], wanted: Filters, sort: str
) -> None:
    expected = {product.pk for product in shop if passes(product, wanted)}

    found: list[int] = []
    offset: int | None = 0
    while offset is not None:
        page = list_products(wanted, sort, 100, offset)
        found += [product.pk for product in page["results"]]
        offset = page["next_offset"]

    assert set(found) == expected
    assert len(found) == len(expected)


@settings(BOUNDED, max_examples=12)
@given(
    sort=st.sampled_from(SORTS),
    limit=st.integers(7, 100),
    text=st.sampled_from(["lamp", "стул", "thing"]),
    fold=st.booleans(),
)
def test_pages_neither_repeat_nor_skip(sort: str, limit: int, text: str, fold: bool) -> None:
    request = SearchRequest(text=text, sort=sort, fold=fold)

    pages, whole = walk(request, limit), walk(request, 100)

    assert pages == whole
    assert len(set(pages)) == len(pages)
