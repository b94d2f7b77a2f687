"""The database records which products must be indexed again, however they are changed."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from catalog.models import Category, Product, ProductChange, ProductImage, ProductTag, Tag
from catalog.models.product import content_hash

pytestmark = pytest.mark.usefixtures("empty_catalogue")


@pytest.fixture
def lamp() -> Product:
    """An indexed product with one photo."""
    lamp = Product.objects.create(sku="lamp", title="Lamp", keywords=["light"])
    ProductImage.objects.create(product=lamp, file="products/a.png", content_hash="a" * 32)
    ProductChange.objects.all().delete()
    return lamp


def run_sql(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def recorded_ids() -> set[int]:
    """Returns the products that were recorded since the last call."""
    ids = set(ProductChange.objects.values_list("product_id", flat=True))
    ProductChange.objects.all().delete()
    return ids


# --- Products -------------------------------------------------------------------------------------


def test_save_records_new_and_changed_products() -> None:
    lamp = Product.objects.create(sku="lamp", title="Lamp")
    assert recorded_ids() == {lamp.pk}

    lamp.title_ru = "Лампа"
    lamp.save()
    assert recorded_ids() == {lamp.pk}


def test_bulk_create_records_every_product() -> None:
    products = Product.objects.bulk_create([Product(sku=str(n)) for n in range(3)])

    assert recorded_ids() == {product.pk for product in products}


def test_an_upsert_records_new_and_changed_products_only() -> None:
    Product.objects.bulk_create([Product(sku=sku, title=sku) for sku in ("same", "changed")])
    recorded_ids()

    Product.objects.bulk_create(
        [Product(sku="same", title="same"), Product(sku="changed", title="!"), Product(sku="new")],
        update_conflicts=True,
        unique_fields=["sku"],
        update_fields=["title"],
    )

    ids = Product.objects.exclude(sku="same").values_list("pk", flat=True)
    assert recorded_ids() == set(ids)


@pytest.mark.parametrize(
    "change",
    [{"title": "x"}, {"title_ru": "x"}, {"description": "x"}, {"keywords": ["x"]}],
    ids=lambda change: next(iter(change)),
)
def test_queryset_update_of_a_text_records_the_updated_products(
    lamp: Product, change: dict[str, Any]
) -> None:
    Product.objects.create(sku="other")
    recorded_ids()

    Product.objects.filter(sku="lamp").update(**change)

    assert recorded_ids() == {lamp.pk}


@pytest.mark.parametrize(
    "change",
    [{"title": "Lamp"}, {"price": 5}, {"in_stock": False}, {"popularity": 9}, {"brand": "x"}],
    ids=lambda change: next(iter(change)),
)
def test_an_update_without_a_changed_text_records_nothing(
    lamp: Product, change: dict[str, Any]
) -> None:
    assert Product.objects.update(**change) == 1

    assert recorded_ids() == set()


def test_an_unchanged_save_records_nothing(lamp: Product) -> None:
    Product.objects.get().save()
    ProductImage.objects.get().save()

    assert recorded_ids() == set()


def test_sql_inserts_updates_and_deletes_are_recorded() -> None:
    run_sql("INSERT INTO catalog_product (sku, title) VALUES ('a', 'A'), ('b', 'B')")
    a, b = Product.objects.order_by("sku")
    assert recorded_ids() == {a.pk, b.pk}

    run_sql("UPDATE catalog_product SET title = 'C' WHERE sku = 'b'")
    assert recorded_ids() == {b.pk}

    run_sql("DELETE FROM catalog_product WHERE sku = 'a'")
    assert recorded_ids() == {a.pk}


def test_a_statement_without_rows_records_nothing(lamp: Product) -> None:
    run_sql("UPDATE catalog_product SET title = 'x' WHERE false")
    run_sql("DELETE FROM catalog_productimage WHERE false")

    assert recorded_ids() == set()


def test_a_product_inserted_by_sql_has_the_defaults_of_the_model() -> None:
    run_sql("INSERT INTO catalog_product (sku) VALUES ('a')")

    by_sql, by_django = Product.objects.get(), Product.objects.create(sku="b")
    for field in Product._meta.concrete_fields:
        if field.name not in {"id", "sku", "created_at", "updated_at"}:
            assert getattr(by_sql, field.attname) == getattr(by_django, field.attname), field.name
    assert by_sql.created_at is not None


def test_a_category_deleted_by_sql_records_its_products(lamp: Product) -> None:
    root = Category.objects.create(slug="root", name="Root")
    Product.objects.update(category=Category.objects.create(slug="leaf", name="Leaf", parent=root))
    assert recorded_ids() == {lamp.pk}

    run_sql("DELETE FROM catalog_category WHERE slug = 'root'")

    assert not Category.objects.exists()
    assert Product.objects.get().category_id is None
    assert recorded_ids() == {lamp.pk}


# --- The record of a change -----------------------------------------------------------------------


def test_another_change_raises_seq_and_keeps_the_time_of_the_first(lamp: Product) -> None:
    Product.objects.update(title="first")
    first = ProductChange.objects.get()

    Product.objects.update(title="second")

    second = ProductChange.objects.get()
    assert second.seq > first.seq
    assert second.changed_at == first.changed_at


def test_no_two_products_of_one_statement_share_a_seq() -> None:
    Product.objects.bulk_create([Product(sku=str(n)) for n in range(5)])

    assert len(set(ProductChange.objects.values_list("seq", flat=True))) == 5


# --- Photos ---------------------------------------------------------------------------------------


def test_an_added_or_removed_photo_records_its_product(lamp: Product) -> None:
    image = ProductImage.objects.create(
        product=lamp, position=1, file=ContentFile(b"content", name="b.png")
    )
    assert recorded_ids() == {lamp.pk}
    assert image.content_hash == content_hash(b"content")

    image.delete()
    assert recorded_ids() == {lamp.pk}


def test_a_photo_inserted_by_sql_is_recorded_and_has_no_hash(lamp: Product) -> None:
    run_sql(
        "INSERT INTO catalog_productimage (product_id, position, file) VALUES (%s, 1, 'b.png')",
        lamp.pk,
    )

    assert ProductImage.objects.get(position=1).content_hash == ""
    assert recorded_ids() == {lamp.pk}


def test_a_file_replaced_by_sql_loses_its_hash(lamp: Product) -> None:
    run_sql("UPDATE catalog_productimage SET file = 'b.png'")

    assert ProductImage.objects.get().content_hash == ""
    assert recorded_ids() == {lamp.pk}


def test_a_file_replaced_together_with_its_hash_keeps_the_new_one(lamp: Product) -> None:
    ProductImage.objects.update(file="b.png", content_hash="b" * 32)

    assert ProductImage.objects.get().content_hash == "b" * 32
    assert recorded_ids() == {lamp.pk}


def test_a_changed_position_of_a_photo_records_nothing(lamp: Product) -> None:
    ProductImage.objects.update(position=3)

    assert ProductImage.objects.get().content_hash == "a" * 32
    assert recorded_ids() == set()


def test_a_photo_moved_to_another_product_records_both(lamp: Product) -> None:
    other = Product.objects.create(sku="other")
    recorded_ids()

    ProductImage.objects.update(product=other)

    assert recorded_ids() == {lamp.pk, other.pk}


def test_a_product_deleted_by_sql_loses_its_photos_and_tags(lamp: Product) -> None:
    tag = Tag.objects.create(slug="lamp", name="lamp")
    ProductTag.objects.create(product=lamp, tag=tag, score=1)

    run_sql("DELETE FROM catalog_product")

    assert not ProductImage.objects.exists()
    assert not ProductTag.objects.exists()
    assert Tag.objects.exists()
    assert recorded_ids() == {lamp.pk}


def test_photos_and_tags_are_keyed_by_product_first() -> None:
    with connection.cursor() as cursor:
        for table in ("catalog_productimage", "catalog_producttag"):
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype = 'p'",
                [table],
            )
            assert cursor.fetchall() == [("PRIMARY KEY (product_id, id)",)]
