"""Searches of products with variants: filters hold for one variant, and results show the variant
that looks most like the photo."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from PIL import Image

from catalog.index.live_index import live_index
from catalog.models import Event, Product, ProductImage, Variant
from search.filters.declared import filter_condition
from search.request import Filters
from search.retrieval.candidates import retrieve
from search.retrieval.products import list_products
from tests.indexing.conftest import (  # noqa: F401  (fixtures)
    empty_shop,
    encoder,
    encoders,
    offline_settings,
)
from tests.indexing.shop import add_product, photo, rebuild, search_by_photo

COLOURS = ("green", "red", "blue")  # the photos of the shirt; the first belongs to no variant
# sku: colour, size, price, in stock
SHIRT = {
    "red-s": ("red", "S", 30, True),
    "red-m": ("red", "M", 20, False),
    "blue-m": ("blue", "M", 40, False),
    "blue-l": ("blue", "L", 50, True),
}


@pytest.fixture
def shop(empty_shop: None) -> Product:  # noqa: F811
    """A shirt with variants, and three products without. Returns the shirt."""
    shirt = add_product("shirt", *(photo(colour) for colour in COLOURS), currency="USD")
    images = dict(zip(COLOURS, ProductImage.objects.order_by("position"), strict=True))
    Variant.objects.bulk_create(
        Variant(
            product=shirt,
            sku=sku,
            position=position,
            options={"colour": colour, "size": size},
            price=price,
            in_stock=in_stock,
            url=f"https://shop.example/{sku}",
            image_ids=[images[colour].pk],
        )
        for position, (sku, (colour, size, price, in_stock)) in enumerate(SHIRT.items())
    )
    add_product("cheap", photo("yellow"), price=10)
    add_product("sold out", photo("magenta"), price=25, in_stock=False)
    add_product("dear", photo("cyan"), price=60)
    rebuild()
    return Product.objects.get(pk=shirt.pk)


def shown(answer: Any, sku: str = "shirt") -> str | None:
    """Returns the sku of the variant that the answer shows of a product; fails without a result."""
    (result,) = (result for result in answer.results if result.product.sku == sku)
    return result.variant.sku if result.variant else None


FILTERED: list[tuple[dict[str, Any], set[str]]] = [
    ({"price_max": Decimal(20)}, {"cheap", "shirt"}),
    ({"price_max": Decimal(20), "in_stock": True}, {"cheap"}),
    ({"price_min": Decimal(45)}, {"dear", "shirt"}),
    ({"price_min": Decimal(31), "price_max": Decimal(45)}, {"shirt"}),
    ({"price_min": Decimal(31), "price_max": Decimal(39)}, set()),
    ({"price_min": Decimal(21), "price_max": Decimal(29)}, {"sold out"}),
    ({"in_stock": True}, {"cheap", "dear", "shirt"}),
    ({"in_stock": False}, {"sold out", "shirt"}),
    ({"option": ("size:M",)}, {"shirt"}),
    ({"option": ("size:M", "size:XL")}, {"shirt"}),
    ({"option": ("size:XL",)}, set()),
    ({"option": ("size:S", "colour:red")}, {"shirt"}),
    ({"option": ("size:S", "colour:blue")}, set()),
    ({"option": ("size:M",), "in_stock": True}, set()),
    ({"option": ("size:M",), "price_max": Decimal(15)}, set()),
    ({"option": ("size:L", "colour:blue"), "in_stock": True, "price_min": Decimal(50)}, {"shirt"}),
    ({"option": ("100%:'cotton'",)}, set()),
]


def test_filters_hold_for_one_variant(shop: Product) -> None:
    for values, expected in FILTERED:
        filters = Filters(**values)

        found = search_by_photo(photo("red"), filters=filters)
        listed = list_products(filters, "price", 10, 0)["results"]

        assert {result.product.sku for result in found.results} == expected, values
        assert {product.sku for product in listed} == expected, values
        assert found.complete


def test_a_search_of_the_graph_filters_variants_too(
    shop: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.retrieval.candidates.exact_search_limit", lambda *images: 0)
    for values, expected in FILTERED:
        found = search_by_photo(photo("red"), filters=Filters(**values))

        assert {result.product.sku for result in found.results} == expected, values


def test_a_result_shows_the_variant_nearest_to_the_photo(shop: Product) -> None:
    assert shown(search_by_photo(photo("blue"))) == "blue-l"  # of two with this photo, in stock
    assert shown(search_by_photo(photo("red"))) == "red-s"
    assert shown(search_by_photo(photo("green"))) in SHIRT  # a photo of no variant
    assert shown(search_by_photo(photo("red")), "cheap") is None

    result = search_by_photo(photo("blue")).results[0]
    blue = ProductImage.objects.get(position=2, product=shop)
    assert result.variant
    assert (result.variant.file, result.variant.price) == (blue.file.name, 50)
    assert result.variant.url == "https://shop.example/blue-l"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"option": ("colour:red",)}, "red-s"),
        ({"option": ("size:M",)}, "blue-m"),
        ({"price_max": Decimal(20)}, "red-m"),
        ({"in_stock": True, "price_max": Decimal(45)}, "red-s"),
    ],
)
def test_filters_leave_the_nearest_of_the_variants_that_pass(
    shop: Product, values: dict[str, Any], expected: str
) -> None:
    assert shown(search_by_photo(photo("blue"), filters=Filters(**values))) == expected


def test_variants_without_photos_are_shown_in_order(shop: Product) -> None:
    Variant.objects.update(image_ids=[])
    assert shown(search_by_photo(photo("blue"))) == "red-s"

    Variant.objects.filter(sku="red-s").update(position=9)
    assert shown(search_by_photo(photo("blue"))) == "blue-l"  # the first in stock


def test_results_are_sorted_by_the_prices_that_they_show(shop: Product) -> None:
    answer = search_by_photo(photo("blue"), sort="-price")

    prices = [result.offer.price for result in answer.results]
    assert prices == sorted(prices, reverse=True) == [60, 50, 25, 10]


def test_the_facet_counts_products_by_variants_that_pass_the_other_filters(shop: Product) -> None:
    def counts(**values: Any) -> dict[str, int]:
        facet = search_by_photo(photo("red"), filters=Filters(**values)).facets["option"]
        return {value["value"]: value["count"] for value in facet}

    every = {"colour:red", "colour:blue", "size:S", "size:M", "size:L"}
    assert counts() == dict.fromkeys(every, 1)
    assert counts(option=("size:S",)) == dict.fromkeys(every, 1)
    assert counts(in_stock=True) == dict.fromkeys(every - {"size:M"}, 1)


def test_changes_by_sql_are_seen_at_once(shop: Product) -> None:
    Variant.objects.filter(sku="red-m").update(price=5, in_stock=True)

    answer = search_by_photo(photo("blue"), filters=Filters(price_max=Decimal(5), in_stock=True))

    assert shown(answer) == "red-m"
    assert answer.results[0].product.price == 5


def test_the_api_describes_the_variant(shop: Product, client: Client) -> None:
    image = BytesIO(photo("blue"))
    answer = client.post("/api/v1/search/photo/", {"image": image, "option": "size:M"}).json()

    ((variant, product),) = [(row["variant"], row["product"]) for row in answer["results"]]
    assert variant.pop("image").startswith("http://testserver/")
    assert variant == {
        "sku": "blue-m",
        "options": {"colour": "blue", "size": "M"},
        "price": 40,
        "in_stock": False,
        "url": "https://shop.example/blue-m",
    }
    assert (product["price"], product["in_stock"]) == (30, True)
    assert {"value": "size:M", "label": "size: M", "count": 1} in answer["facets"]["option"]


def test_the_api_lists_all_variants(shop: Product, client: Client) -> None:
    Variant.objects.filter(sku="red-s").update(url="")

    detail = client.get(f"/api/v1/products/{shop.pk}/").json()
    listed = client.get("/api/v1/products/", {"option": "size:S"}).json()["results"]

    assert [variant["sku"] for variant in detail["variants"]] == list(SHIRT)
    assert [product["variants"] for product in listed] == [detail["variants"]]
    assert detail["variants"][0]["url"] == f"http://testserver/products/{shop.pk}/?variant=red-s"


@pytest.mark.parametrize("option", ["size", "size:", ":M", ":", "", " : "])
def test_an_option_without_name_and_value_is_refused(db: None, client: Client, option: str) -> None:
    response = client.get("/api/v1/products/", {"option": option})

    assert response.status_code == 400
    assert response.json()["detail"].startswith("option: ")


def test_events_name_variants_by_their_skus(shop: Product, client: Client) -> None:
    event = {"type": "cart", "sku": "blue-m", "session": "s"}

    client.post("/api/v1/events/", [event], content_type="application/json")

    assert Event.objects.get(product_id=shop.pk).type == "cart"


def test_filters_read_variants_only_if_they_need_them(shop: Product) -> None:
    def plan(filters: Filters) -> str:
        return filter_condition(filters).test.as_string()

    assert "catalog_variant" not in plan(Filters())
    assert "catalog_variant" not in plan(Filters(in_stock=True, brand=("Lumen",)))
    assert plan(Filters(price_max=Decimal(5), in_stock=True)).count("EXISTS") == 1
    assert plan(Filters(option=("size:M", "colour:red"))).count("EXISTS") == 1


def test_a_narrow_filter_is_searched_exactly(shop: Product) -> None:
    index, query = live_index(), live_index().encode_images
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index.generation.vector_table}_graph")
    vector = query([Image.new("RGB", (64, 64), "blue")])

    found = retrieve(index, vector, Filters(option=("size:M",)), "", 10)

    assert [candidate.product_id for candidate in found.by_query[0]] == [shop.pk]
    assert found.complete
