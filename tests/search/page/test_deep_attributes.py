"""Attributes of any depth and shape. Imports and forms refuse them with a sentence, and pages show
as much as possible of those that SQL has written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalog.importing.files import import_file
from catalog.models import Product
from catalog.models.attributes import (
    CUT_MARK,
    MAX_DEPTH,
    UNREADABLE_ATTRIBUTES,
    cut_to_depth,
    is_nested_deeper,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

SKU = "blends-antiquechair"


def nested(depth: int, kind: str = "list") -> str:
    """Returns the JSON of an object with this many levels, including itself."""
    opening, closing = ("[", "]") if kind == "list" else ('{"a":', "}")
    return '{"deep":' + opening * (depth - 1) + "1" + closing * (depth - 1) + "}"


def store_attributes(attributes: str) -> Product:
    """Writes the attributes of a product by SQL and returns the product."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_product SET attributes = %s::jsonb WHERE sku = %s", [attributes, SKU]
        )
    return Product.objects.get(sku=SKU)


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 400, 900, 3_000])
def test_a_product_page_shows_deep_attributes_up_to_a_limit(
    client: Client, get: Callable[..., Any], depth: int, kind: str
) -> None:
    product = store_attributes(nested(depth, kind))

    page = client.get(f"/products/{product.pk}/")
    shown = get(f"products/{product.pk}/")["attributes"]
    listed = client.get("/api/v1/products/?limit=100&brand=Blend+Swap")

    assert page.status_code == 200
    assert (shown == UNREADABLE_ATTRIBUTES) == (depth > 500)
    assert ("Deep" in page.content.decode()) == (depth <= 500)
    assert not is_nested_deeper(shown, MAX_DEPTH)
    assert (CUT_MARK in json.dumps(shown, ensure_ascii=False)) == (MAX_DEPTH < depth <= 500)
    assert listed.status_code == 200


ODD = ["null", "[1, 2]", '"text"', "7", '{"width_cm": [[1], {"a": null}], "license": {"a": [1]}}']
ODD += ['{"n": 1e400}', '{"n": ' + "9" * 6_000 + "}", '{"": {"": ""}}', '{"n": -0.0, "b": [true]}']


@pytest.mark.parametrize("attributes", ODD)
def test_attributes_of_any_shape_are_shown(
    client: Client, get: Callable[..., Any], attributes: str
) -> None:
    product = store_attributes(attributes)

    assert client.get(f"/products/{product.pk}/").status_code == 200
    assert isinstance(get(f"products/{product.pk}/")["attributes"], dict)


@pytest.mark.parametrize("kind", ["list", "object"])
def test_an_import_refuses_deep_attributes(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "products.jsonl"
    lines = [
        {"sku": "deep", **json.loads(nested(400, kind))},
        {"sku": "deep enough", **json.loads(nested(MAX_DEPTH, kind))},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    report = import_file(file)

    assert report.errors == [(1, f"the other fields are nested more than {MAX_DEPTH} deep")]
    assert report.written == 1


# The URL fields of the console warn about the default scheme of Django 6.
in_the_console = pytest.mark.filterwarnings("ignore:The default scheme will be changed")


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


@in_the_console
@pytest.mark.parametrize(
    ("attributes", "language", "sentence"),
    [
        (nested(400), "en", f"The attributes are nested more than {MAX_DEPTH} deep."),
        (nested(400), "ru", f"глубже {MAX_DEPTH}"),
        (nested(100_000), "en", "Enter a valid JSON."),
        ('{"n": ' + "9" * 6_000 + "}", "en", "Enter a valid JSON."),
        ('{"n": NaN}', "en", "hold a value that JSON does not have"),
        (r'{"a": "\u0000"}', "en", "contain a NUL character"),
        (r'{"a": "\ud800"}', "en", "half of a surrogate pair"),
    ],
)
def test_the_console_refuses_attributes_that_cannot_be_stored(
    console: Client, attributes: str, language: str, sentence: str
) -> None:
    product = Product.objects.get(sku=SKU)
    address = reverse("admin:catalog_product_change", args=[product.pk])
    headers = {"Accept-Language": language}
    form = console.get(address).context["adminform"].form
    data = {
        name: "" if value is None else value
        for name, value in form.initial.items()
        if name not in ("attributes", "images")
    }
    for prefix in ("images", "variants", "product_tags"):
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}

    refused = console.post(address, {**data, "attributes": attributes}, headers=headers)
    taken = console.post(address, {**data, "attributes": '{"a": [1]}'}, headers=headers)

    assert refused.status_code == 200
    assert sentence in refused.content.decode()
    assert taken.status_code == 302
    product.refresh_from_db()
    assert product.attributes == {"a": [1]}


@in_the_console
@pytest.mark.parametrize("depth", [400, 900, 3_000])
def test_a_product_with_deep_attributes_opens_in_the_console(console: Client, depth: int) -> None:
    product = store_attributes(nested(depth))

    for page in ("change", "history", "delete"):
        address = reverse(f"admin:catalog_product_{page}", args=[product.pk])
        assert console.get(address).status_code == 200
    assert console.get(reverse("admin:catalog_product_changelist")).status_code == 200


def test_depth_counts_nested_lists_and_objects() -> None:
    assert not is_nested_deeper(1, 0)
    assert is_nested_deeper([], 0)
    assert is_nested_deeper({"a": 1, "b": [{}]}, 2)
    assert not is_nested_deeper({"a": 1, "b": [{}]}, 3)
    assert cut_to_depth({"a": [1, [2]]}, 2) == {"a": [1, CUT_MARK]}
