"""The database derives the price and the stock of products with variants."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from catalog.models import Product, ProductChange, ProductImage, Variant

pytestmark = pytest.mark.usefixtures("empty_catalogue")


@pytest.fixture
def shoe() -> Product:
    """A product with three variants: for 30 and 20 in stock, and for 10 out of stock."""
    shoe = Product.objects.create(sku="shoe", title="Shoe", price=99)
    Variant.objects.bulk_create(
        Variant(product=shoe, sku=f"shoe-{price}", price=price, in_stock=price > 10)
        for price in (30, 20, 10)
    )
    ProductChange.objects.all().delete()
    return shoe


def run_sql(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def offer(sku: str = "shoe") -> tuple[Decimal, bool]:
    """Returns the price and the stock of a product."""
    return Product.objects.values_list("price", "in_stock").get(sku=sku)


def test_a_product_costs_as_much_as_its_cheapest_variant_in_stock(shoe: Product) -> None:
    assert offer() == (20, True)


def test_a_product_without_a_variant_in_stock_costs_as_much_as_the_cheapest(shoe: Product) -> None:
    Variant.objects.update(in_stock=False)

    assert offer() == (10, False)


def test_changes_of_variants_by_sql_are_derived_and_nothing_is_indexed_again(
    shoe: Product,
) -> None:
    run_sql("UPDATE catalog_variant SET price = 5 WHERE sku = 'shoe-30'")
    assert offer() == (5, True)

    run_sql("UPDATE catalog_variant SET in_stock = (sku = 'shoe-10')")
    assert offer() == (10, True)

    run_sql("DELETE FROM catalog_variant WHERE sku = 'shoe-10'")
    assert offer() == (5, False)

    run_sql("INSERT INTO catalog_variant (product_id, sku) VALUES (%s, 'gift')", shoe.pk)
    assert offer() == (0, True)
    assert not ProductChange.objects.exists()


def test_a_variant_that_moves_changes_both_products(shoe: Product) -> None:
    other = Product.objects.create(sku="other", price=77)

    Variant.objects.filter(sku="shoe-20").update(product=other)

    assert (offer("shoe"), offer("other")) == ((30, True), (20, True))


def test_a_product_keeps_its_price_when_its_last_variant_goes(shoe: Product) -> None:
    Variant.objects.all().delete()

    assert offer() == (20, True)
    Product.objects.update(price=1, in_stock=False)
    assert offer() == (1, False)


@pytest.mark.parametrize("change", ["price = 1", "in_stock = false", "price = price * 2"])
def test_a_derived_value_is_refused_with_a_sentence(shoe: Product, change: str) -> None:
    Product.objects.create(sku="plain", price=3)

    with pytest.raises(IntegrityError) as told, transaction.atomic():
        run_sql(f"UPDATE catalog_product SET {change}")

    assert 'Product "shoe" has variants, and its price and stock follow from theirs.' in str(
        told.value
    )
    assert (offer("shoe"), offer("plain")) == ((20, True), (3, True))


def test_other_values_of_products_with_variants_may_be_written(shoe: Product) -> None:
    shoe = Product.objects.get()
    shoe.title = "Boot"
    shoe.save()
    Product.objects.update(popularity=7, price=20)

    assert offer() == (20, True)


@pytest.mark.parametrize("options", ['["M"]', '{"size": 42}', '{"size": ["M"]}', '"M"', "null"])
def test_options_are_texts(shoe: Product, options: str) -> None:
    with pytest.raises(IntegrityError, match="variant_options_are_texts"), transaction.atomic():
        run_sql("UPDATE catalog_variant SET options = %s::jsonb", options)


def test_a_deleted_photo_is_no_photo_of_a_variant(shoe: Product) -> None:
    first, second = (
        ProductImage.objects.create(product=shoe, position=n, file=f"{n}.png") for n in range(2)
    )
    Variant.objects.update(image_ids=[second.pk, first.pk])

    run_sql("DELETE FROM catalog_productimage WHERE id = %s", first.pk)

    assert Variant.objects.filter(image_ids=[second.pk]).count() == 3


def test_a_product_deleted_by_sql_loses_its_variants(shoe: Product) -> None:
    run_sql("DELETE FROM catalog_product")

    assert not Variant.objects.exists()


def test_variants_are_keyed_by_product_first() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'catalog_variant'::regclass AND contype = 'p'"
        )
        assert cursor.fetchall() == [("PRIMARY KEY (product_id, id)",)]


def test_a_variant_inserted_by_sql_has_the_defaults_of_the_model(shoe: Product) -> None:
    run_sql("INSERT INTO catalog_variant (product_id, sku) VALUES (%s, 'a')", shoe.pk)

    by_sql = Variant.objects.get(sku="a")
    by_django = Variant.objects.create(product=shoe, sku="b")
    for field in Variant._meta.concrete_fields:
        if field.name not in {"id", "sku"}:
            assert getattr(by_sql, field.attname) == getattr(by_django, field.attname), field.name
