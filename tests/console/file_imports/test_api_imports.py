"""Imports through the API stand in the console beside those of files, and are taken back there."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.api.access_keys import create_key
from catalog.importing.history.undoing import last_import
from catalog.models import AuditEntry, Product, ProductImport, RefusedLine
from tests.console.file_imports.uploads import operator, text_of, work

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def key() -> str:
    return create_key("Order system", ["catalog"], "test")[1]


@pytest.fixture
def anna() -> Client:
    return operator("anna", "operate", "view_productimport")


def send(key: str, *items: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    path, body = "/api/v1/products/import/", {"products": items}
    return Client().post(path, body, "application/json", headers=headers).json()


def page_of(client: Client, product_import: ProductImport) -> str:
    return text_of(
        client.get(reverse("admin:catalog_productimport_change", args=[product_import.pk]))
    )


def test_an_import_is_listed_with_its_refused_items_and_taken_back(key: str, anna: Client) -> None:
    Product.objects.create(sku="lamp", title="Lamp", price=10)
    send(key, {"sku": "lamp", "title": "Torch", "price": 12}, {"sku": "sofa", "title": "Sofa"}, {})

    made = ProductImport.objects.get()
    assert (made.added, made.changed, made.refused, made.state) == (1, 1, 1, "succeeded")
    assert "Order system" in made.started_by
    assert made.started_by in text_of(anna.get(reverse("admin:catalog_productimport_changelist")))
    report = anna.get(reverse("admin:import_report", args=[made.pk])).getvalue().decode()
    assert "2,,Sku is missing" in report
    undo = reverse("admin:import_undo", args=[made.pk])
    assert undo in page_of(anna, made)
    Product.objects.filter(sku="lamp").update(brand="Nordwood")  # an edit since
    anna.post(undo, {"undo": "1"})

    assert work().state == "undone"

    lamp = Product.objects.get()
    assert (lamp.title, lamp.price, lamp.brand) == ("Lamp", 10, "Nordwood")
    assert "repeat the call" in page_of(anna, made)
    assert AuditEntry.objects.filter(action="undo import", by="anna").exists()


def test_an_item_that_cannot_be_stored_is_refused_and_remembered(key: str) -> None:
    answer = send(key, {"sku": "la\0mp", "title": "Lamp"})

    assert (answer["written"], answer["refused"]) == (0, 1)
    assert RefusedLine.objects.get().sku == "la\ufffdmp"


def test_only_the_last_one_of_a_key_is_taken_back_and_the_others_say_why(
    key: str, anna: Client
) -> None:
    _, other_key = create_key("Other", ["catalog"], "test")
    for number, sender in enumerate((key, key, other_key)):
        send(sender, {"sku": f"lamp{number}", "title": "Lamp"})
    third, second, first = ProductImport.objects.order_by("-pk")

    for last in (second, third):
        assert reverse("admin:import_undo", args=[last.pk]) in page_of(anna, last)
    undo = reverse("admin:import_undo", args=[first.pk])
    assert undo not in page_of(anna, first)
    assert f"import {second.pk}, can be taken back" in page_of(anna, first)
    assert "can be taken back" in text_of(anna.post(undo, {"undo": "1"}, follow=True))
    assert Product.objects.count() == 3
    assert last_import(None) is None  # files are a place of their own


def test_an_import_that_changes_nothing_leaves_no_trace(key: str) -> None:
    for _ in range(2):
        send(key, {"sku": "lamp", "title": "Lamp"})

    assert ProductImport.objects.count() == 1
