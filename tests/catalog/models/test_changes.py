"""The database notes what has to be indexed again, whoever makes the change and however."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from catalog.models import Category, Product, ProductChange, ProductImage, ProductTag, Tag
from catalog.models.product import content_hash

pytestmark = pytest.mark.usefixtures("empty_catalogue")


@pytest.fixture
def lamp() -> Product:
    """A product with one photo that the index has caught up with."""
    lamp = Product.objects.create(sku="lamp", title="Lamp", keywords=["light"])
    ProductImage.objects.create(product=lamp, file="products/a.png", content_hash="a" * 32)
    ProductChange.objects.all().delete()
    return lamp


def run_sql(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def noted() -> set[int]:
    """The products noted since the last call."""
    ids = set(ProductChange.objects.values_list("product_id", flat=True))
    ProductChange.objects.all().delete()
    return ids


# --- Products -------------------------------------------------------------------------------------


def test_save_notes_a_new_product_and_a_changed_one() -> None:
    lamp = Product.objects.create(sku="lamp", title="Lamp")
    assert noted() == {lamp.pk}

    lamp.title_ru = "Лампа"
    lamp.save()
    assert noted() == {lamp.pk}


def test_bulk_create_notes_every_product_in_it() -> None:
    products = Product.objects.bulk_create([Product(sku=str(n)) for n in range(3)])

    assert noted() == {product.pk for product in products}


def test_an_upsert_notes_the_new_and_the_changed_but_not_the_equal() -> None:
    Product.objects.bulk_create([Product(sku=sku, title=sku) for sku in ("same", "changed")])
    noted()

    Product.objects.bulk_create(
        [Product(sku="same", title="same"), Product(sku="changed", title="!"), Product(sku="new")],
        update_conflicts=True,
        unique_fields=["sku"],
        update_fields=["title"],
    )

    ids = Product.objects.exclude(sku="same").values_list("pk", flat=True)
    assert noted() == set(ids)


@pytest.mark.parametrize(
    "change",
    [{"title": "x"}, {"title_ru": "x"}, {"description": "x"}, {"keywords": ["x"]}],
    ids=lambda change: next(iter(change)),
)
def test_queryset_update_of_a_text_notes_the_products_it_touched(
    lamp: Product, change: dict[str, Any]
) -> None:
    Product.objects.create(sku="other")
    noted()

    Product.objects.filter(sku="lamp").update(**change)

    assert noted() == {lamp.pk}


@pytest.mark.parametrize(
    "change",
    [{"title": "Lamp"}, {"price": 5}, {"in_stock": False}, {"popularity": 9}, {"brand": "x"}],
    ids=lambda change: next(iter(change)),
)
def test_an_update_that_changes_no_text_notes_nothing(
    lamp: Product, change: dict[str, Any]
) -> None:
    assert Product.objects.update(**change) == 1

    assert noted() == set()


def test_an_unchanged_save_notes_nothing(lamp: Product) -> None:
    Product.objects.get().save()
    ProductImage.objects.get().save()

    assert noted() == set()


def test_sql_insert_update_and_delete_are_noted() -> None:
    run_sql("INSERT INTO catalog_product (sku, title) VALUES ('a', 'A'), ('b', 'B')")
    a, b = Product.objects.order_by("sku")
    assert noted() == {a.pk, b.pk}

    run_sql("UPDATE catalog_product SET title = 'C' WHERE sku = 'b'")
    assert noted() == {b.pk}

    run_sql("DELETE FROM catalog_product WHERE sku = 'a'")
    assert noted() == {a.pk}


def test_a_statement_that_touches_no_row_notes_nothing(lamp: Product) -> None:
    run_sql("UPDATE catalog_product SET title = 'x' WHERE false")
    run_sql("DELETE FROM catalog_productimage WHERE false")

    assert noted() == set()


def test_a_product_inserted_by_sql_has_the_defaults_of_the_model() -> None:
    run_sql("INSERT INTO catalog_product (sku) VALUES ('a')")

    by_sql, by_django = Product.objects.get(), Product.objects.create(sku="b")
    for field in Product._meta.concrete_fields:
        if field.name not in {"id", "sku", "created_at", "updated_at"}:
            assert getattr(by_sql, field.attname) == getattr(by_django, field.attname), field.name
    assert by_sql.created_at is not None


def test_a_category_deleted_by_sql_frees_its_products_and_notes_them(lamp: Product) -> None:
    root = Category.objects.create(slug="root", name="Root")
    Product.objects.update(category=Category.objects.create(slug="leaf", name="Leaf", parent=root))
    assert noted() == {lamp.pk}

    run_sql("DELETE FROM catalog_category WHERE slug = 'root'")

    assert not Category.objects.exists()
    assert Product.objects.get().category_id is None
    assert noted() == {lamp.pk}


# --- The note itself ------------------------------------------------------------------------------


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


def test_a_photo_added_or_removed_is_noted_for_its_product(lamp: Product) -> None:
    image = ProductImage.objects.create(
        product=lamp, position=1, file=ContentFile(b"content", name="b.png")
    )
    assert noted() == {lamp.pk}
    assert image.content_hash == content_hash(b"content")

    image.delete()
    assert noted() == {lamp.pk}


def test_a_photo_inserted_by_sql_is_noted_and_has_no_hash_yet(lamp: Product) -> None:
    run_sql(
        "INSERT INTO catalog_productimage (product_id, position, file) VALUES (%s, 1, 'b.png')",
        lamp.pk,
    )

    assert ProductImage.objects.get(position=1).content_hash == ""
    assert noted() == {lamp.pk}


def test_a_file_replaced_by_sql_loses_its_hash(lamp: Product) -> None:
    run_sql("UPDATE catalog_productimage SET file = 'b.png'")

    assert ProductImage.objects.get().content_hash == ""
    assert noted() == {lamp.pk}


def test_a_file_replaced_together_with_its_hash_keeps_the_new_one(lamp: Product) -> None:
    ProductImage.objects.update(file="b.png", content_hash="b" * 32)

    assert ProductImage.objects.get().content_hash == "b" * 32
    assert noted() == {lamp.pk}


def test_an_order_of_photos_is_nothing_to_index(lamp: Product) -> None:
    ProductImage.objects.update(position=3)

    assert ProductImage.objects.get().content_hash == "a" * 32
    assert noted() == set()


def test_a_photo_moved_to_another_product_is_noted_for_both(lamp: Product) -> None:
    other = Product.objects.create(sku="other")
    noted()

    ProductImage.objects.update(product=other)

    assert noted() == {lamp.pk, other.pk}


def test_a_product_deleted_by_sql_takes_its_photos_and_tags_along(lamp: Product) -> None:
    tag = Tag.objects.create(slug="lamp", name="lamp")
    ProductTag.objects.create(product=lamp, tag=tag, score=1)

    run_sql("DELETE FROM catalog_product")

    assert not ProductImage.objects.exists()
    assert not ProductTag.objects.exists()
    assert Tag.objects.exists()
    assert noted() == {lamp.pk}


def test_photos_and_tags_are_keyed_by_product_first() -> None:
    with connection.cursor() as cursor:
        for table in ("catalog_productimage", "catalog_producttag"):
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype = 'p'",
                [table],
            )
            assert cursor.fetchall() == [("PRIMARY KEY (product_id, id)",)]
