"""Filters, pages and sort orders of searches, which show the catalogue as it is now."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from catalog.models import Category, Product, ProductTag, Tag

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Search = Callable[..., dict[str, Any]]
Get = Callable[..., dict[str, Any]]
CHAIR = "blends-antiquechair-0"
WHOLE = (0, 0, 1, 1)  # the box of a whole photo, which is searched as one object


def products(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [result["product"] for result in answer["results"]]


def collect_ids(get_page: Callable[[int], dict[str, Any]]) -> list[int]:
    """Returns the ids on all pages of a search, in order."""
    ids: list[int] = []
    offset: int | None = 0
    while offset is not None:
        answer = get_page(offset)
        ids += [product["id"] for product in products(answer)]
        assert answer["next_offset"] in (None, offset + answer["count"])
        offset = answer["next_offset"]
    assert answer["complete"]
    return ids


@pytest.mark.parametrize("limit", [41, 100])
def test_pages_show_every_product_and_none_twice(limit: int, by_photo: Search) -> None:
    ids = collect_ids(lambda offset: by_photo(CHAIR, limit=limit, offset=offset, fold=False))

    assert len(ids) == len(set(ids))
    assert set(ids) == set(Product.objects.values_list("pk", flat=True))


def test_pages_of_a_text_search_neither_repeat_nor_skip(get: Get) -> None:
    parameters = {"q": "chair", "limit": 10, "fold": False}

    ids = collect_ids(lambda offset: get("search/text/", {**parameters, "offset": offset}))

    total = get("search/text/", parameters)["total"]
    assert len(ids) == len(set(ids)) == total > 20


def test_every_product_is_shown_or_counted_as_a_lookalike(by_photo: Search, settings: Any) -> None:
    # Given searches that reach the whole catalogue at once: an earlier page does not count the
    # lookalikes that only a deeper search finds.
    settings.SEARCH_CANDIDATES = 10_000
    counted: list[int] = []

    def get_page(offset: int) -> dict[str, Any]:
        answer = by_photo(CHAIR, limit=100, offset=offset)
        counted.extend(1 + result["duplicates"] for result in answer["results"])
        return answer

    ids = collect_ids(get_page)

    assert len(ids) == len(set(ids)) == len(counted)
    assert sum(counted) == Product.objects.count()


def test_two_short_pages_equal_one_long_page(by_photo: Search) -> None:
    whole = products(by_photo(CHAIR, limit=20))

    parts = [products(by_photo(CHAIR, limit=10, offset=offset)) for offset in (0, 10)]

    assert parts[0] + parts[1] == whole


def test_a_page_beyond_the_end_is_empty(by_photo: Search) -> None:
    answer = by_photo(CHAIR, offset=5000)

    assert (answer["count"], answer["next_offset"], answer["complete"]) == (0, None, True)


def test_a_category_includes_its_subcategories(by_photo: Search) -> None:
    living = Category.objects.get(slug="living-room")
    nook = Category.objects.create(slug="reading-nook", name="Reading nook", parent=living)
    shelf = Category.objects.create(slug="shelf", name="Shelf", parent=nook)
    deep = Product.objects.filter(category__slug="lights").first()
    assert deep is not None
    Product.objects.filter(pk=deep.pk).update(category=shelf)

    ids = collect_ids(
        lambda offset: by_photo(CHAIR, limit=100, offset=offset, category="living-room")
    )

    expected = Product.objects.filter(category__in=[living, nook, shelf])
    assert set(ids) == set(expected.values_list("pk", flat=True))
    assert deep.pk in ids


def test_a_repeated_category_or_brand_means_any_of_them(by_photo: Search) -> None:
    slugs, brands = ["lights", "office"], ["Blend Swap", "Kator Legaz"]

    answer = by_photo(CHAIR, limit=100, category=slugs, brand=brands)

    found = {(product["category"]["slug"], product["brand"]) for product in products(answer)}
    assert answer["complete"]
    assert (
        answer["count"]
        == Product.objects.filter(category__slug__in=slugs, brand__in=brands).count()
    )
    assert {slug for slug, _ in found} == set(slugs)
    assert {brand for _, brand in found} <= set(brands)


def test_a_repeated_tag_means_any_of_them(by_photo: Search) -> None:
    slugs = ["wheelbarrow", "rocking-horse"]
    either = Product.objects.filter(product_tags__tag__slug__in=slugs).distinct()

    answer = by_photo(CHAIR, limit=100, fold="false", tag=slugs)

    assert {p["id"] for p in products(answer)} == set(either.values_list("pk", flat=True)) != set()


def test_facets_count_as_if_their_own_filter_were_off(by_photo: Search) -> None:
    def counts(answer: dict[str, Any], facet: str) -> dict[str, int]:
        return {value["value"]: value["count"] for value in answer["facets"][facet]}

    everything = by_photo(CHAIR)
    office = by_photo(CHAIR, category="office")
    both = by_photo(CHAIR, limit=100, category=["office", "bedroom"], fold="false")

    assert counts(office, "category") == counts(everything, "category")
    assert counts(office, "brand") != counts(everything, "brand")
    chosen = counts(both, "category")
    assert both["total"] == chosen["office"] + chosen["bedroom"]


def test_price_limits_are_inclusive(by_photo: Search) -> None:
    Product.objects.filter(sku="blends-antiquechair").update(price=Decimal("100.00"))

    answer = by_photo(CHAIR, limit=100, price_min="100", price_max="100.00")
    around = by_photo(CHAIR, limit=40, price_min="50", price_max="150.50")
    by_price = by_photo(CHAIR, limit=40, price_min="50", price_max="150.50", sort="price")

    assert [product["sku"] for product in products(answer)] == ["blends-antiquechair"]
    assert len(products(around)) > 20
    assert all(50 <= product["price"] <= 150.5 for product in products(around))
    prices = [product["price"] for product in products(by_price)]
    assert prices == sorted(prices) != []
    assert 50 <= prices[0] <= prices[-1] <= 150.5
    assert around["facets"]["price"]["min"] < 50  # as if the prices were not limited


@pytest.mark.parametrize(("value", "states"), [("true", {True}), ("false", {False})])
def test_in_stock_filters_by_stock(value: str, states: set[bool], by_photo: Search) -> None:
    answer = by_photo(CHAIR, limit=100, in_stock=value)

    assert {product["in_stock"] for product in products(answer)} == states


def test_a_filter_that_no_product_passes_gives_an_empty_complete_answer(
    by_photo: Search, check_answer: Callable[[Any], None]
) -> None:
    answer = by_photo(CHAIR, category="no-such-category")

    check_answer(answer)
    assert (answer["count"], answer["complete"]) == (0, True)
    assert answer["facets"]["price"] == {"min": None, "max": None}


@pytest.mark.parametrize(
    ("sort", "key", "reverse"),
    [("price", "price", False), ("-price", "price", True), ("-created", "id", True)],
)
def test_results_can_be_sorted(sort: str, key: str, reverse: bool, by_photo: Search) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET created_at = now() + id * interval '1 minute'")

    values = [product[key] for product in products(by_photo(CHAIR, sort=sort, limit=50))]

    assert values == sorted(values, reverse=reverse)


def test_facets_count_all_matches_and_not_only_the_page(by_photo: Search) -> None:
    answer = by_photo(CHAIR, category="lights", limit=1)

    lights = Product.objects.filter(category__slug="lights")
    assert {"value": "lights", "label": "Lights", "count": lights.count()} in answer["facets"][
        "category"
    ]
    assert {value["value"]: value["count"] for value in answer["facets"]["brand"]} == {
        brand: lights.filter(brand=brand).count()
        for brand in set(lights.values_list("brand", flat=True))
    }


def test_a_price_changed_by_sql_shows_at_once(by_photo: Search) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_product SET price = 1.23, in_stock = NOT in_stock, title = 'Our chair'"
            " WHERE sku = 'blends-antiquechair'"
        )

    first = products(by_photo(CHAIR))[0]

    assert (first["sku"], first["price"], first["title"]) == (
        "blends-antiquechair",
        1.23,
        "Our chair",
    )


def test_a_hidden_product_is_never_shown(by_photo: Search) -> None:
    before = by_photo(CHAIR, box=WHOLE, limit=10)
    hidden = before["results"][0]["product"]["id"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET is_visible = false WHERE id = %s", [hidden])

    after = by_photo(CHAIR, box=WHOLE, limit=9)

    assert products(after) == products(before)[1:]


def test_a_deleted_product_is_never_shown(by_photo: Search) -> None:
    before = by_photo(CHAIR, box=WHOLE, limit=10)
    Product.objects.filter(pk=before["results"][0]["product"]["id"]).delete()

    after = by_photo(CHAIR, box=WHOLE, limit=9)

    assert products(after) == products(before)[1:]


def test_a_manually_added_tag_counts_at_once(by_photo: Search) -> None:
    tag = Tag.objects.create(slug="of-the-week", name="of the week")
    chosen = Product.objects.get(sku="blends-antiquechair")
    ProductTag.objects.create(product=chosen, tag=tag, score=1.0)

    answer = by_photo(CHAIR, tag="of-the-week")

    assert [product["sku"] for product in products(answer)] == ["blends-antiquechair"]
    assert {"slug": "of-the-week", "name": "of the week"} in products(answer)[0]["tags"]
