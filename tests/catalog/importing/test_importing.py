"""Imports of JSON Lines files, and repeated imports, which change only what differs."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from catalog.importing.files import ImportReport, import_file
from catalog.models import Category, Product, ProductChange, ProductImage
from catalog.models.product import content_hash

pytestmark = pytest.mark.usefixtures("empty_catalogue")
ImportLines = Callable[..., ImportReport]

LAMP = {
    "sku": "lamp-1",
    "title": "Desk lamp",
    "title_ru": "Настольная лампа",
    "description": "Bends in three places.",
    "category": "Lights > Desk lamps",
    "category_ru": "Свет > Настольные лампы",
    "brand": "Lumen",
    "keywords": ["light", "office"],
    "price": 39.9,
    "currency": "eur",
    "in_stock": False,
    "is_visible": True,
    "popularity": 7,
    "url": "https://shop.example/lamp-1",
    "images": ["red.png", "blue.png"],
    "width_cm": 12.5,
    "license": "CC0-1.0",
}


def seqs() -> dict[int, int]:
    return dict(ProductChange.objects.values_list("product_id", "seq"))


def hashes(folder: Path, *colours: str) -> list[str]:
    return [content_hash((folder / f"{colour}.png").read_bytes()) for colour in colours]


def photos_of(sku: str) -> list[str]:
    images = ProductImage.objects.filter(product__sku=sku).order_by("position")
    return [image.content_hash for image in images]


# --- What is written ------------------------------------------------------------------------------


def test_every_field_of_a_line_reaches_the_product(import_lines: ImportLines) -> None:
    report = import_lines(LAMP)

    assert report == ImportReport(written=1, errors=[])
    lamp = Product.objects.get()
    assert (lamp.sku, lamp.title, lamp.title_ru) == ("lamp-1", "Desk lamp", "Настольная лампа")
    assert (lamp.description, lamp.brand) == ("Bends in three places.", "Lumen")
    assert lamp.keywords == ["light", "office"]
    assert (lamp.price, lamp.currency) == (Decimal("39.90"), "EUR")
    assert (lamp.in_stock, lamp.is_visible, lamp.popularity) == (False, True, 7)
    assert lamp.url == "https://shop.example/lamp-1"
    assert lamp.attributes == {"width_cm": 12.5, "license": "CC0-1.0"}


def test_a_product_is_found_by_words_of_both_languages(import_lines: ImportLines) -> None:
    import_lines(LAMP)

    for language, word in (("english", "lamps"), ("russian", "лампы")):
        found = Product.objects.extra(
            where=["search_document @@ to_tsquery(%s::regconfig, %s)"], params=[language, word]
        )
        assert [product.sku for product in found] == ["lamp-1"]


def test_photos_are_stored_in_order_and_named_by_their_hashes(
    import_lines: ImportLines, folder: Path
) -> None:
    import_lines(LAMP)

    assert photos_of("lamp-1") == hashes(folder, "red", "blue")
    for image in ProductImage.objects.all():
        assert image.content_hash in image.file.name
        with default_storage.open(image.file.name) as file:
            assert content_hash(file.read()) == image.content_hash


def test_a_category_path_becomes_a_tree_with_names_in_both_languages(
    import_lines: ImportLines,
) -> None:
    import_lines(LAMP, {**LAMP, "sku": "lamp-2", "category": "Lights", "category_ru": ""})

    leaf = Product.objects.get(sku="lamp-1").category
    root = Product.objects.get(sku="lamp-2").category
    assert leaf is not None
    assert root is not None
    assert (leaf.name, leaf.name_ru) == ("Desk lamps", "Настольные лампы")
    assert (root.name, root.name_ru, root.parent_id) == ("Lights", "Свет", None)
    assert leaf.parent_id == root.pk
    assert Category.objects.count() == 2


def test_similar_paths_are_different_categories(import_lines: ImportLines) -> None:
    import_lines(
        {"sku": "a", "category": "Garden lamps"},
        {"sku": "b", "category": "Garden > Lamps"},
    )

    a, b = Product.objects.order_by("sku").select_related("category__parent")
    assert a.category.parent is None
    assert b.category.parent.name == "Garden"
    assert a.category != b.category


def test_a_path_too_long_for_a_slug_has_its_own_category(import_lines: ImportLines) -> None:
    import_lines({"sku": "a", "category": f"{'x' * 200} > Lamps"})

    category = Product.objects.get().category
    assert category is not None
    assert category.parent is not None
    assert (category.name, category.parent.name) == ("Lamps", "x" * 200)


def test_the_first_russian_name_of_a_category_wins(
    import_lines: ImportLines,
) -> None:
    lines = [
        {"sku": "a", "category": "Bedroom", "category_ru": "Спальня"},
        {"sku": "b", "category": "Bedroom", "category_ru": "Разное"},
    ]

    for _ in range(2):
        import_lines(*lines)
        assert Category.objects.get().name_ru == "Спальня"


def test_a_category_renamed_by_the_shop_is_found_again(import_lines: ImportLines) -> None:
    import_lines({"sku": "a", "category": "Lights"})
    Category.objects.update(name="Lighting")

    import_lines({"sku": "b", "category": "Lights"})

    assert [category.name for category in Category.objects.all()] == ["Lighting"]


def test_missing_and_null_fields_have_their_defaults(import_lines: ImportLines) -> None:
    nothing = dict.fromkeys(["title", "keywords", "price", "in_stock", "popularity", "images"])

    assert import_lines({"sku": "bare"}, {"sku": "null", **nothing}).written == 2

    for product in Product.objects.all():
        assert (product.title, product.keywords, product.category) == ("", [], None)
        assert (product.price, product.in_stock, product.popularity) == (0, True, 0)


def test_a_sku_may_be_a_number_and_blank_lines_are_skipped(import_lines: ImportLines) -> None:
    report = import_lines(b"", {"sku": 12345}, b"   ")

    assert (report.written, report.errors) == (1, [])
    assert Product.objects.get().sku == "12345"


# --- Imported again -------------------------------------------------------------------------------


def test_a_repeated_import_changes_nothing(import_lines: ImportLines) -> None:
    import_lines(LAMP)
    before, images = seqs(), list(ProductImage.objects.values())
    created = Product.objects.get().created_at

    report = import_lines(LAMP)

    assert report.written == 1
    assert seqs() == before != {}
    assert list(ProductImage.objects.values()) == images
    assert (Product.objects.count(), Category.objects.count()) == (1, 2)
    assert Product.objects.get().created_at == created


def test_a_changed_title_is_recorded_for_the_index_and_a_changed_price_is_not(
    import_lines: ImportLines,
) -> None:
    import_lines(LAMP)
    before = seqs()

    import_lines({**LAMP, "price": 19.9, "in_stock": True, "popularity": 100})

    assert Product.objects.get().price == Decimal("19.90")
    assert seqs() == before

    import_lines({**LAMP, "title": "Reading lamp"})

    assert Product.objects.get().title == "Reading lamp"
    (product_id,) = before
    assert seqs()[product_id] > before[product_id]


def test_a_photo_whose_content_changed_is_replaced_in_its_row(
    import_lines: ImportLines, folder: Path
) -> None:
    import_lines(LAMP)
    before, ids = seqs(), list(ProductImage.objects.values_list("id", flat=True))
    (folder / "red.png").write_bytes((folder / "yellow.png").read_bytes())

    import_lines(LAMP)

    assert photos_of("lamp-1") == hashes(folder, "yellow", "blue")
    assert list(ProductImage.objects.values_list("id", flat=True)) == ids
    (product_id,) = before
    assert seqs()[product_id] > before[product_id]


def test_a_photo_left_out_is_removed_and_a_new_one_added(
    import_lines: ImportLines, folder: Path
) -> None:
    import_lines(LAMP)

    import_lines({**LAMP, "images": ["blue.png"]})
    assert photos_of("lamp-1") == hashes(folder, "blue")

    import_lines({**LAMP, "images": ["green.png", "blue.png"]})
    assert photos_of("lamp-1") == hashes(folder, "green", "blue")

    import_lines({**LAMP, "images": []})
    assert photos_of("lamp-1") == []


def test_a_line_without_images_leaves_the_photos_alone(import_lines: ImportLines) -> None:
    import_lines(LAMP)

    import_lines({"sku": "lamp-1", "title": "Desk lamp"})

    assert len(photos_of("lamp-1")) == 2


def test_of_two_lines_with_one_sku_the_last_wins(import_lines: ImportLines, folder: Path) -> None:
    report = import_lines(LAMP, {"sku": "lamp-1", "title": "Last", "images": ["blue.png"]})

    assert (report.written, report.errors) == (1, [])
    assert Product.objects.get().title == "Last"
    assert photos_of("lamp-1") == hashes(folder, "blue")


def test_a_partial_photo_of_an_interrupted_import_is_replaced(
    import_lines: ImportLines, tmp_path: Path, folder: Path
) -> None:
    digest = content_hash((folder / "red.png").read_bytes())
    broken = tmp_path / "media" / "products" / digest[:2] / f"{digest}.png"
    broken.parent.mkdir(parents=True)
    broken.write_bytes((folder / "red.png").read_bytes()[:20])

    import_lines({"sku": "a", "images": ["red.png"]})

    with default_storage.open(ProductImage.objects.get().file.name) as file:
        assert file.read() == (folder / "red.png").read_bytes()


def test_a_file_of_several_batches_is_imported_with_progress(folder: Path) -> None:
    file = folder / "many.jsonl"
    file.write_text("".join(f'{{"sku": "p{n}"}}\n' for n in range(1203)))
    told: list[int] = []

    report = import_file(file, progress=told.append)

    assert report.written == Product.objects.count() == 1203
    assert told == [500, 500, 203]
