"""Imports of rows with a group: they become one product with variants."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from catalog.importing.categories import CategoryTree
from catalog.importing.files import import_file
from catalog.importing.photos.feed_images import read_image
from catalog.importing.records import read_record
from catalog.importing.upsert import upsert_products
from catalog.models import Product, ProductChange, ProductImage, Variant
from catalog.models.product import content_hash
from tests.catalog.importing.shirts import SIZES, TEE, ImportLines, size, variants

pytestmark = pytest.mark.usefixtures("empty_catalogue")


def written_rows() -> list[Any]:
    """Returns what shows that rows were written: the transaction of each row, and change notes."""
    found: list[Any] = list(ProductChange.objects.values_list("product_id", "seq"))
    with connection.cursor() as cursor:
        for table in ("product", "variant", "productimage"):
            cursor.execute(f"SELECT id, ctid::text FROM catalog_{table} ORDER BY id")
            found += cursor.fetchall()
    return found


def photo_hashes(folder: Path, *colours: str) -> list[str]:
    return [content_hash((folder / f"{colour}.png").read_bytes()) for colour in colours]


# --- One product ----------------------------------------------------------------------------------


def test_rows_of_a_group_are_one_product_with_variants(
    import_lines: ImportLines, folder: Path
) -> None:
    report = import_lines(TEE, *SIZES)

    assert (report.written, report.errors) == (1, [])
    tee = Product.objects.get()
    assert (tee.sku, tee.title, tee.brand, tee.currency) == ("tee", "T-shirt", "Cotton", "USD")
    assert variants() == ["tee-red-s", "tee-red-m", "tee-blue-s"]
    blue = Variant.objects.get(sku="tee-blue-s")
    assert blue.options == {"size": "S", "colour": "blue"}
    assert (blue.price, blue.in_stock) == (Decimal(8), False)
    assert blue.url == "https://shop.example/blue-s"


def test_each_photo_of_a_product_is_stored_once_and_linked_to_its_variants(
    import_lines: ImportLines, folder: Path
) -> None:
    import_lines({**TEE, "images": ["green.png"]}, *SIZES)

    red, blue = photo_hashes(folder, "red", "blue")
    photos = list(ProductImage.objects.order_by("position"))
    assert [p.content_hash for p in photos] == [*photo_hashes(folder, "green"), red, blue]
    shown = {v.sku: [p.content_hash for p in v.photos(photos)] for v in Variant.objects.all()}
    assert shown == {"tee-red-s": [red], "tee-red-m": [red], "tee-blue-s": [blue]}


def test_without_a_row_of_the_group_the_first_row_describes_the_product(
    import_lines: ImportLines,
) -> None:
    import_lines(*SIZES)

    assert Product.objects.get().title == "T-shirt red S"


def test_a_row_with_the_sku_of_the_group_describes_it_too(import_lines: ImportLines) -> None:
    import_lines({"sku": "tee", "title": "Plain row"}, *SIZES)

    assert (Product.objects.get().title, len(variants())) == ("Plain row", 3)


def test_a_variant_may_have_the_sku_of_its_product(import_lines: ImportLines) -> None:
    import_lines(size("tee"), size("tee-2"))

    assert (Product.objects.get().sku, variants()) == ("tee", ["tee", "tee-2"])


def test_options_without_a_group_make_a_product_of_one_variant(import_lines: ImportLines) -> None:
    import_lines({"sku": "mug", "options": {"colour": "white"}, "price": 5})

    assert variants("mug") == ["mug"]
    assert Product.objects.get().price == 5


def test_the_price_of_the_group_counts_for_variants_without_one(import_lines: ImportLines) -> None:
    import_lines({**TEE, "price": 15}, size("a", price=None), size("b", price=0))

    assert list(Variant.objects.order_by("sku").values_list("price", flat=True)) == [15, 0]


def test_hidden_rows_are_no_variants(import_lines: ImportLines) -> None:
    import_lines(TEE, size("a"), size("b", is_visible=False))
    assert (variants(), Product.objects.get().is_visible) == (["a"], True)

    import_lines(TEE, size("a", is_visible=False), size("b", is_visible=False))
    assert (variants(), Product.objects.get().is_visible) == (["a", "b"], False)


def test_names_of_options_lose_colons_and_empty_options_are_left_out(
    import_lines: ImportLines,
) -> None:
    import_lines(size("a") | {"options": {"size: EU": 42, "colour": "", "fit": None}})

    assert Variant.objects.get().options == {"size EU": "42"}


# --- Spread over the file -------------------------------------------------------------------------


def test_rows_spread_over_batches_are_merged(import_lines: ImportLines, folder: Path) -> None:
    others = [{"sku": f"other-{n}"} for n in range(7)]
    import_lines(SIZES[0], *others[:3], SIZES[1], *others[3:], SIZES[2], TEE)

    report = import_file(folder / "products.jsonl", batch_size=2)

    assert (report.written, report.errors) == (8, [])
    assert variants() == ["tee-red-s", "tee-red-m", "tee-blue-s"]
    assert Product.objects.get(sku="tee").title == "T-shirt"
    assert ProductImage.objects.count() == 2


@pytest.mark.parametrize("batch_size", [1, 500])
def test_importing_the_same_file_again_writes_no_row(
    import_lines: ImportLines, folder: Path, batch_size: int
) -> None:
    rows = [SIZES[2], {"sku": "mug", "images": ["green.png"]}, TEE, *SIZES[:2]]
    import_lines(*rows)
    before = written_rows()

    report = import_file(folder / "products.jsonl", batch_size=batch_size)

    assert (report.written, report.errors) == (2, [])
    assert written_rows() == before


def test_rows_in_another_order_keep_their_photos(import_lines: ImportLines) -> None:
    import_lines(TEE, *SIZES)
    photos = set(ProductImage.objects.values_list("pk", "content_hash"))
    notes = list(ProductChange.objects.values())

    import_lines(TEE, *reversed(SIZES))

    assert set(ProductImage.objects.values_list("pk", "content_hash")) == photos
    assert list(ProductChange.objects.values()) == notes
    assert variants() == ["tee-blue-s", "tee-red-m", "tee-red-s"]


def test_rows_without_images_leave_the_photos_alone(import_lines: ImportLines) -> None:
    import_lines(TEE, *SIZES)
    photos = list(Variant.objects.values_list("sku", "image_ids"))

    import_lines(TEE, *({**row, "images": None} for row in SIZES))

    assert list(Variant.objects.values_list("sku", "image_ids")) == photos
    assert ProductImage.objects.count() == 2


# --- Refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"options": ["M"]}, "options must be an object"),
        ({"options": {"size": ["M"]}}, "option size must be text"),
        ({"options": {"size": True}}, "option size must be text"),
        ({"options": {"size": "x" * 201}}, "option size has 201 characters"),
        ({"options": {"x" * 101: "M"}}, "the name of an option has 101 characters"),
        ({"options": {f"option {n}": "M" for n in range(21)}}, "options has 21 entries"),
        ({"group": ["tee"]}, "group must be text"),
        ({"is_group": "yes"}, "is_group must be true or false"),
        ({"currency": "EUR"}, "currency EUR is not that of its product, USD"),
    ],
)
def test_a_wrong_value_refuses_its_variant(
    import_lines: ImportLines, wrong: dict[str, Any], sentence: str
) -> None:
    report = import_lines(TEE, size("good"), {**size("wrong"), **wrong})

    ((line, reason),) = report.errors
    assert (line, sentence in reason) == (3, True), reason
    assert variants() == ["good"]


def test_records_without_a_file_are_grouped_too(folder: Path) -> None:
    rows = [TEE, *SIZES, {**size("bad"), "images": ["missing.png"]}]
    records = [read_record(row) for row in rows]

    errors = upsert_products(records, _reader(folder), CategoryTree())

    assert list(errors) == ["bad"]
    assert len(variants()) == 3


def _reader(folder: Path) -> Callable[[str], bytes]:
    return lambda name: read_image(folder, name)
