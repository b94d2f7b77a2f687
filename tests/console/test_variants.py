"""Variants of a product in the console."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Product, ProductImage, Variant
from tests.console.forms import errors_of, shown
from tests.indexing.shop import add_product, photo

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def shirt() -> Product:
    """A shirt with two variants."""
    shirt = add_product("shirt", photo("red"))
    image = ProductImage.objects.get()
    Variant.objects.bulk_create(
        Variant(
            product=shirt,
            sku=f"shirt-{size}",
            position=position,
            options={"size": size},
            price=10 + position,
            image_ids=[image.pk],
        )
        for position, size in enumerate("SM")
    )
    return shirt


def page_of(product: Product) -> str:
    return reverse("admin:catalog_product_change", args=[product.pk])


def save(client: Client, product: Product, **values: Any) -> Any:
    """Saves the product's page with these values of the second variant."""
    page = page_of(product)
    data = shown(client.get(page))
    return client.post(page, data | {f"variants-1-{name}": [v] for name, v in values.items()})


def test_prices_stock_and_options_of_variants_are_edited(
    admin_client: Client, shirt: Product
) -> None:
    response = save(admin_client, shirt, price="7.50", options="size: L\n colour :dark: blue\n")

    assert (response.status_code, errors_of(response)) == (302, {})
    variant = Variant.objects.get(sku="shirt-M")
    assert variant.options == {"size": "L", "colour": "dark: blue"}
    assert variant.image_ids
    assert float(Product.objects.get().price) == 7.5


def test_the_price_of_a_product_with_variants_is_read_only(
    admin_client: Client, shirt: Product
) -> None:
    data = shown(admin_client.get(page_of(shirt)))
    assert "price" not in data

    response = admin_client.post(page_of(shirt), {**data, "price": ["99"], "title": ["New"]})

    assert response.status_code == 302
    assert list(Product.objects.values_list("title", "price")) == [("New", 10)]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("options", "size", "Write each option on a line of its own, such as size: M."),
        ("options", "size: M\nsize: L", "The option size is there twice."),
        ("options", f"size: {'x' * 201}", "An option is too long."),
        ("options", "size: a\0b", "Null characters are not allowed."),
        ("price", "-1", "Ensure this value is greater than or equal to 0."),
        ("price", "cheap", "Enter a number."),
        ("sku", "", "This field is required."),
        ("url", "javascript:alert(1)", "Enter a valid URL."),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(
    admin_client: Client, shirt: Product, field: str, value: str, sentence: str
) -> None:
    response = save(admin_client, shirt, **{field: value})

    assert errors_of(response) == {f"variants-1-{field}": [sentence]}


def test_a_sku_of_another_variant_is_refused(admin_client: Client, shirt: Product) -> None:
    Variant.objects.create(product=add_product("other"), sku="taken")

    response = save(admin_client, shirt, sku="taken")

    assert errors_of(response) == {"variants-1-sku": ["Variant with this SKU already exists."]}
