"""Products over the API: imports, prices and stock, deletions. Each item has its result."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from catalog.api.access_keys import create_key
from catalog.models import AuditEntry, ImageAddress, Product, Variant

pytestmark = pytest.mark.usefixtures("empty_catalogue")

Send = Callable[..., Any]
IMPORT = "/api/v1/products/import/"
PRICES = "/api/v1/products/"


@pytest.fixture
def send(client: Client) -> Send:
    """Returns a function that makes a call with a key that may change the catalogue."""
    _, key = create_key("Order system", ["catalog"], "test")

    def call(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return getattr(client, method)(path, body, "application/json", headers=headers)

    return call


def statuses(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["status"] for item in response.json()["items"]]


def test_each_item_of_an_import_has_its_result(send: Send) -> None:
    Product.objects.create(sku="old", title="Old")
    items = [
        {"sku": "new", "title": "Oak chair", "price": 12.5, "category": "Home > Chairs"},
        {"title": "no sku"},
        {"sku": "old", "title": "Newer"},
        {"sku": "bad", "price": -1},
        "nonsense",
        {"sku": "file", "images": ["etc/passwd"]},
        None,
    ]

    response = send("post", IMPORT, {"products": items})

    assert statuses(response) == ["created", "refused", "updated", *["refused"] * 4]
    body = response.json()
    assert (body["written"], body["refused"]) == (2, 5)
    assert [item["index"] for item in body["items"]] == list(range(7))
    new = Product.objects.get(sku="new")
    assert body["items"][0]["id"] == new.pk
    assert (new.price, new.category and new.category.name) == (Decimal("12.50"), "Chairs")
    assert "at least 0" in body["items"][3]["error"]
    assert "not a web address" in body["items"][5]["error"]
    assert set(Product.objects.values_list("sku", flat=True)) == {"new", "old"}
    entry = AuditEntry.objects.get(action="import")
    assert "Order system" in entry.by


def test_items_of_a_group_are_variants_and_photos_are_fetched_later(send: Send) -> None:
    photo = "https://photos.shop.example/a.jpg"
    items = [
        {"sku": "A-S", "group": "A", "title": "Shirt", "price": 9, "options": {"size": "S"}},
        {"sku": "A-M", "group": "A", "price": 11, "options": {"size": "M"}, "images": [photo]},
    ]

    response = send("post", IMPORT, items)  # the list alone

    product = Product.objects.get()
    assert [item["id"] for item in response.json()["items"]] == [product.pk, product.pk]
    assert product.price == 9
    assert ImageAddress.objects.get().address == photo


def test_a_thousand_items_are_written_by_a_few_statements(
    send: Send, django_assert_max_num_queries: Any
) -> None:
    items = [{"sku": f"S{n}", "title": f"Chair {n}"} for n in range(1000)]

    with django_assert_max_num_queries(60):
        response = send("post", IMPORT, {"products": items})

    assert set(statuses(response)) == {"created"}
    assert Product.objects.count() == 1000


def test_an_import_may_have_16_megabytes(send: Send) -> None:
    text = "x" * (16 * 1024**2 - 100)

    response = send(
        "post", IMPORT, {"products": [{"sku": "large", "title": text}, {"sku": "small"}]}
    )

    assert statuses(response) == ["refused", "created"]


@pytest.mark.parametrize(
    "body", [{"products": [{"sku": "x"}] * 1001}, {"products": []}, {}, [], "x", None]
)
def test_a_call_that_is_no_import_writes_nothing(send: Send, body: Any, check_problem: Any) -> None:
    check_problem(send("post", IMPORT, body), 400, "parameter_invalid")

    assert not Product.objects.exists()


def test_prices_and_stock_change_and_nothing_else(send: Send) -> None:
    plain = Product.objects.create(sku="plain", title="Plain", price=5)
    shirt = Product.objects.create(sku="shirt", title="Shirt")
    Variant.objects.create(product=shirt, sku="shirt-s", price=10, options={"size": "S"})
    Variant.objects.create(product=shirt, sku="shirt-m", price=12, options={"size": "M"})

    good = [{"sku": "plain", "price": 4.5}, {"sku": "shirt-s", "in_stock": False}]
    good += [{"sku": "shirt-m", "price": 11}]
    bad = [{"sku": "shirt", "price": 1}, {"sku": "unknown", "price": 1}]
    bad += [{"sku": "plain", "title": "Other"}, {"sku": "plain"}, None]

    response = send("patch", PRICES, {"changes": good + bad})

    assert statuses(response) == ["updated"] * 3 + ["refused"] * 5
    errors = [item["error"] for item in response.json()["items"][3:]]
    assert "has variants" in errors[0]
    assert "No product or variant" in errors[1]
    assert "not title" in errors[2]
    plain.refresh_from_db()
    shirt.refresh_from_db()
    assert (plain.price, plain.title) == (Decimal("4.50"), "Plain")
    assert (shirt.price, shirt.in_stock) == (11, True)  # that of the variant in stock
    assert response.json()["items"][1]["id"] == shirt.pk


def test_a_product_is_deleted_with_its_variants(
    send: Send, client: Client, check_problem: Any
) -> None:
    shirt = Product.objects.create(sku="shirt", title="Shirt")
    Variant.objects.create(product=shirt, sku="shirt-s", options={"size": "S"})
    path = f"/api/v1/products/{shirt.pk}/"

    assert send("delete", path).status_code == 204

    assert not Variant.objects.exists()
    check_problem(client.get(path), 404, "not_found")
    check_problem(send("delete", path), 404, "not_found")
    assert AuditEntry.objects.get(action="delete").target == f"product {shirt.pk}"
