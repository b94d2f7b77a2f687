"""Products from JSON Lines files: what is written, what is refused, and what is left alone."""

import json
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from catalog.importing.files import ImportFailed, ImportReport, import_file
from catalog.importing.records import RecordError, read_record
from catalog.models import Category, Product, ProductChange, ProductImage
from catalog.models.product import content_hash

pytestmark = pytest.mark.django_db

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


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A supplier's folder with three photos."""
    folder = tmp_path / "supplier"
    folder.mkdir()
    for colour in ("red", "blue", "green"):
        (folder / f"{colour}.png").write_bytes(photo(colour))
    return folder


def photo(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def import_lines(folder: Path, *lines: dict | bytes) -> ImportReport:
    file = folder / "products.jsonl"
    rows = [
        x if isinstance(x, bytes) else json.dumps(x, ensure_ascii=False).encode() for x in lines
    ]
    file.write_bytes(b"\n".join(rows) + b"\n")
    return import_file(file)


def seqs() -> dict[int, int]:
    return dict(ProductChange.objects.values_list("product_id", "seq"))


def photos_of(sku: str) -> list[str]:
    images = ProductImage.objects.filter(product__sku=sku).order_by("position")
    return [image.content_hash for image in images]


# --- What is written ------------------------------------------------------------------------------


def test_every_field_of_a_line_reaches_the_product(folder: Path) -> None:
    report = import_lines(folder, LAMP)

    assert report == ImportReport(written=1, errors=[])
    lamp = Product.objects.get()
    assert (lamp.sku, lamp.title, lamp.title_ru) == ("lamp-1", "Desk lamp", "Настольная лампа")
    assert (lamp.description, lamp.brand) == ("Bends in three places.", "Lumen")
    assert lamp.keywords == ["light", "office"]
    assert (lamp.price, lamp.currency) == (Decimal("39.90"), "EUR")
    assert (lamp.in_stock, lamp.is_visible, lamp.popularity) == (False, True, 7)
    assert lamp.url == "https://shop.example/lamp-1"
    assert lamp.attributes == {"width_cm": 12.5, "license": "CC0-1.0"}


def test_a_product_can_be_found_by_words_of_both_languages(folder: Path) -> None:
    import_lines(folder, LAMP)

    for language, word in (("english", "lamps"), ("russian", "лампы")):
        found = Product.objects.extra(
            where=["search_document @@ to_tsquery(%s::regconfig, %s)"], params=[language, word]
        )
        assert [product.sku for product in found] == ["lamp-1"]


def test_the_photos_are_kept_in_order_under_the_name_of_their_content(folder: Path) -> None:
    import_lines(folder, LAMP)

    assert photos_of("lamp-1") == [content_hash(photo("red")), content_hash(photo("blue"))]
    for image in ProductImage.objects.all():
        assert image.content_hash in image.file.name
        with default_storage.open(image.file.name) as file:
            assert content_hash(file.read()) == image.content_hash


def test_a_category_path_becomes_a_tree_with_names_in_both_languages(folder: Path) -> None:
    import_lines(folder, LAMP, {**LAMP, "sku": "lamp-2", "category": "Lights", "category_ru": ""})

    leaf = Product.objects.get(sku="lamp-1").category
    root = Product.objects.get(sku="lamp-2").category
    assert leaf is not None
    assert root is not None
    assert (leaf.name, leaf.name_ru) == ("Desk lamps", "Настольные лампы")
    assert (root.name, root.name_ru, root.parent_id) == ("Lights", "Свет", None)
    assert leaf.parent_id == root.pk
    assert Category.objects.count() == 2


def test_paths_that_read_alike_are_different_categories(folder: Path) -> None:
    import_lines(
        folder,
        {"sku": "a", "category": "Garden lamps"},
        {"sku": "b", "category": "Garden > Lamps"},
    )

    a, b = Product.objects.order_by("sku").select_related("category__parent")
    assert a.category.parent is None
    assert b.category.parent.name == "Garden"
    assert a.category != b.category


def test_a_path_too_long_for_a_slug_still_has_a_place_of_its_own(folder: Path) -> None:
    import_lines(folder, {"sku": "a", "category": f"{'x' * 200} > Lamps"})

    category = Product.objects.get().category
    assert category is not None
    assert category.parent is not None
    assert (category.name, category.parent.name) == ("Lamps", "x" * 200)


def test_when_lines_disagree_on_a_russian_name_the_first_one_counts(folder: Path) -> None:
    lines = [
        {"sku": "a", "category": "Bedroom", "category_ru": "Спальня"},
        {"sku": "b", "category": "Bedroom", "category_ru": "Разное"},
    ]

    for _ in range(2):
        import_lines(folder, *lines)
        assert Category.objects.get().name_ru == "Спальня"


def test_a_category_renamed_by_the_shop_is_found_again(folder: Path) -> None:
    import_lines(folder, {"sku": "a", "category": "Lights"})
    Category.objects.update(name="Lighting")

    import_lines(folder, {"sku": "b", "category": "Lights"})

    assert [category.name for category in Category.objects.all()] == ["Lighting"]


def test_a_line_may_be_short_and_null_means_not_given(folder: Path) -> None:
    nothing = dict.fromkeys(["title", "keywords", "price", "in_stock", "popularity", "images"])

    assert import_lines(folder, {"sku": "bare"}, {"sku": "null", **nothing}).written == 2

    for product in Product.objects.all():
        assert (product.title, product.keywords, product.category) == ("", [], None)
        assert (product.price, product.in_stock, product.popularity) == (0, True, 0)


def test_numbers_are_taken_for_a_sku_and_blank_lines_for_nothing(folder: Path) -> None:
    report = import_lines(folder, b"", {"sku": 12345}, b"   ")

    assert (report.written, report.errors) == (1, [])
    assert Product.objects.get().sku == "12345"


# --- Imported again -------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(folder: Path) -> None:
    import_lines(folder, LAMP)
    before, images = seqs(), list(ProductImage.objects.values())
    created = Product.objects.get().created_at

    report = import_lines(folder, LAMP)

    assert report.written == 1
    assert seqs() == before != {}
    assert list(ProductImage.objects.values()) == images
    assert (Product.objects.count(), Category.objects.count()) == (1, 2)
    assert Product.objects.get().created_at == created


def test_a_changed_price_is_no_change_to_index_but_a_changed_title_is(folder: Path) -> None:
    import_lines(folder, LAMP)
    before = seqs()

    import_lines(folder, {**LAMP, "price": 19.9, "in_stock": True, "popularity": 100})

    assert Product.objects.get().price == Decimal("19.90")
    assert seqs() == before

    import_lines(folder, {**LAMP, "title": "Reading lamp"})

    assert Product.objects.get().title == "Reading lamp"
    (product_id,) = before
    assert seqs()[product_id] > before[product_id]


def test_a_photo_whose_content_changed_is_replaced_in_its_row(folder: Path) -> None:
    import_lines(folder, LAMP)
    before, ids = seqs(), list(ProductImage.objects.values_list("id", flat=True))
    (folder / "red.png").write_bytes(photo("yellow"))

    import_lines(folder, LAMP)

    assert photos_of("lamp-1") == [content_hash(photo("yellow")), content_hash(photo("blue"))]
    assert list(ProductImage.objects.values_list("id", flat=True)) == ids
    (product_id,) = before
    assert seqs()[product_id] > before[product_id]


def test_a_photo_left_out_is_removed_and_one_added_is_added(folder: Path) -> None:
    import_lines(folder, LAMP)

    import_lines(folder, {**LAMP, "images": ["blue.png"]})
    assert photos_of("lamp-1") == [content_hash(photo("blue"))]

    import_lines(folder, {**LAMP, "images": ["green.png", "blue.png"]})
    assert photos_of("lamp-1") == [content_hash(photo("green")), content_hash(photo("blue"))]

    import_lines(folder, {**LAMP, "images": []})
    assert photos_of("lamp-1") == []


def test_a_line_without_images_leaves_the_photos_alone(folder: Path) -> None:
    import_lines(folder, LAMP)

    import_lines(folder, {"sku": "lamp-1", "title": "Desk lamp"})

    assert len(photos_of("lamp-1")) == 2


def test_of_two_lines_with_one_sku_the_last_counts(folder: Path) -> None:
    report = import_lines(folder, LAMP, {"sku": "lamp-1", "title": "Last", "images": ["blue.png"]})

    assert (report.written, report.errors) == (1, [])
    assert Product.objects.get().title == "Last"
    assert photos_of("lamp-1") == [content_hash(photo("blue"))]


def test_a_half_written_photo_left_by_an_interrupted_import_is_not_taken_for_whole(
    folder: Path, media: Path
) -> None:
    digest = content_hash(photo("red"))
    broken = media / "products" / digest[:2] / f"{digest}.png"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(photo("red")[:20])

    import_lines(folder, {"sku": "a", "images": ["red.png"]})

    with default_storage.open(ProductImage.objects.get().file.name) as file:
        assert file.read() == photo("red")


def test_a_file_of_several_batches_is_imported_whole_and_progress_is_told(folder: Path) -> None:
    file = folder / "many.jsonl"
    file.write_text("".join(f'{{"sku": "p{n}"}}\n' for n in range(1203)))
    told: list[int] = []

    report = import_file(file, progress=told.append)

    assert report.written == Product.objects.count() == 1203
    assert sum(told) == 1203
    assert len(told) > 1


# --- What is refused ------------------------------------------------------------------------------


def test_bad_lines_are_reported_with_their_numbers_and_the_others_written(folder: Path) -> None:
    report = import_lines(
        folder,
        {"sku": "good-1"},
        b'{"sku": "cut off',
        {"title": "no sku"},
        {"sku": "no photo", "images": ["missing.png"]},
        b"",
        [1, 2],  # type: ignore[arg-type]
        {"sku": "good-2"},
    )

    assert report.written == 2
    assert set(Product.objects.values_list("sku", flat=True)) == {"good-1", "good-2"}
    reasons = dict(report.errors)
    assert list(reasons) == [2, 3, 4, 6]
    assert "not valid JSON" in reasons[2]
    assert reasons[3] == "sku is missing"
    assert reasons[4] == "image 'missing.png' cannot be read: No such file or directory"
    assert reasons[6] == "a product must be a JSON object"


@pytest.mark.parametrize("path", ["../secret.png", "sub/../../secret.png", "link.png", "ABSOLUTE"])
def test_an_image_outside_the_folder_of_the_file_is_refused(folder: Path, path: str) -> None:
    secret = folder.parent / "secret.png"
    secret.write_bytes(photo("red"))
    (folder / "link.png").symlink_to(secret)

    report = import_lines(folder, {"sku": "a", "images": [path.replace("ABSOLUTE", str(secret))]})

    assert report.written == 0
    ((line, reason),) = report.errors
    assert (line, reason.endswith("lies outside the folder of the file")) == (1, True)
    assert not Product.objects.exists()


@pytest.mark.parametrize("path", [".", "loop.png", "x" * 5000, "red.png/inside.png"])
def test_an_image_that_is_no_readable_file_is_refused(folder: Path, path: str) -> None:
    (folder / "loop.png").symlink_to("loop.png")

    report = import_lines(folder, {"sku": "a", "images": [path]}, {"sku": "b"})

    assert report.written == 1
    ((line, reason),) = report.errors
    assert (line, "cannot be read" in reason) == (1, True)


def test_a_product_whose_photo_cannot_be_read_stays_as_it_was(folder: Path) -> None:
    import_lines(folder, LAMP)

    report = import_lines(folder, {**LAMP, "title": "New", "images": ["red.png", "missing.png"]})

    assert (report.written, len(report.errors)) == (0, 1)
    assert Product.objects.get().title == "Desk lamp"
    assert len(photos_of("lamp-1")) == 2


BAD_VALUES = [
    ({"sku": None}, "sku is missing"),
    ({"sku": "  "}, "sku is missing"),
    ({"sku": True}, "sku must be text"),
    ({"sku": "x" * 201}, "sku has 201 characters; 200 is the most"),
    ({"title": ["a"]}, "title must be text"),
    ({"title": False}, "title must be text"),
    ({"title": "x" * 501}, "title has 501 characters; 500 is the most"),
    ({"title": "a\0b"}, "title contains a NUL character"),
    ({"keywords": ["a\0b"]}, "keyword contains a NUL character"),
    ({"title": "\ud83d"}, "half of a surrogate pair"),
    ({"keywords": "lamp"}, "keywords must be a list"),
    ({"keywords": ["x"] * 201}, "keywords has 201 entries; 200 is the most"),
    ({"keywords": [["x"]]}, "keyword must be text"),
    ({"images": "red.png"}, "images must be a list"),
    ({"images": ""}, "images must be a list"),
    ({"images": False}, "images must be a list"),
    ({"images": [7]}, "images must be a list of file paths"),
    ({"images": ["a\0.png"]}, "images must be a list of file paths"),
    ({"images": ["\ud83d.png"]}, "images must be a list of file paths"),
    ({"images": ["red.png"] * 101}, "images has 101 entries; 100 is the most"),
    ({"price": "cheap"}, "price 'cheap' is not a number"),
    ({"price": True}, "price True is not a number"),
    ({"price": float("nan")}, "price nan is not a number"),
    ({"price": -1}, "must be 0 or more and below ten billion"),
    ({"price": 10**10}, "must be 0 or more and below ten billion"),
    ({"price": "9999999999.999"}, "must be 0 or more and below ten billion"),
    ({"price": 10**40}, "must be 0 or more and below ten billion"),
    ({"price": float("inf")}, "must be 0 or more and below ten billion"),
    ({"currency": "EURO"}, "currency has 4 characters"),
    ({"currency": "€"}, "currency '€' must be a code of three letters"),
    ({"in_stock": "yes"}, "in_stock must be true or false"),
    ({"is_visible": 1}, "is_visible must be true or false"),
    ({"popularity": -1}, "popularity must be a whole number"),
    ({"popularity": 2**31}, "popularity must be a whole number"),
    ({"popularity": 1.5}, "popularity must be a whole number"),
    ({"url": "javascript:alert(1)"}, "url must start with http:// or https://"),
    ({"size": float("nan")}, "a value that JSON does not have"),
    ({"note": {"deep": ["a\0b"]}}, "the other fields contain a NUL character"),
    ({"note\0": 1}, "the other fields contain a NUL character"),
    ({"note": "\udc00"}, "half of a surrogate pair"),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD_VALUES)
def test_a_wrong_value_is_refused_with_a_sentence_and_the_next_line_is_written(
    folder: Path, wrong: dict[str, Any], sentence: str
) -> None:
    line = json.dumps({"sku": "wrong", **wrong}).encode()

    report = import_lines(folder, line, {"sku": "good"})

    assert [sku for (sku,) in Product.objects.values_list("sku")] == ["good"]
    ((number, reason),) = report.errors
    assert number == 1
    assert sentence in reason


def test_the_highest_price_is_written(folder: Path) -> None:
    assert import_lines(folder, {"sku": "a", "price": "9999999999.99"}).errors == []
    assert Product.objects.get().price == Decimal("9999999999.99")


def test_a_backslash_before_u0000_is_text_like_any_other(folder: Path) -> None:
    assert import_lines(folder, {"sku": "a", "note": r"C:\u0000"}).errors == []
    assert Product.objects.get().attributes == {"note": r"C:\u0000"}


def test_lines_that_are_not_utf8_are_reported_and_the_others_written(folder: Path) -> None:
    report = import_lines(folder, {"sku": "a"}, '{"sku": "лампа"}'.encode("cp1251"), {"sku": "b"})

    assert (report.written, report.errors) == (2, [(2, "not UTF-8 text")])


def test_a_byte_order_mark_is_no_part_of_the_first_line(folder: Path) -> None:
    assert import_lines(folder, b'\xef\xbb\xbf{"sku": "a"}').errors == []


def test_json_nested_without_end_is_one_bad_line(folder: Path) -> None:
    report = import_lines(folder, b'{"sku": "a", "x": ' + b"[" * 200_000, {"sku": "b"})

    assert (report.written, [line for line, _ in report.errors]) == (1, [1])


def test_a_refused_last_line_of_a_sku_is_the_one_reported(folder: Path) -> None:
    report = import_lines(folder, {"sku": "a"}, {"sku": "a", "images": ["missing.png"]})

    assert report.written == 0
    assert [line for line, _ in report.errors] == [2]


def test_errors_come_in_the_order_of_the_lines(folder: Path) -> None:
    report = import_lines(folder, {"sku": "a", "images": ["missing.png"]}, {"title": "no sku"})

    assert [line for line, _ in report.errors] == [1, 2]


def test_a_file_that_is_not_there_or_of_no_known_format_fails_as_a_whole(folder: Path) -> None:
    with pytest.raises(ImportFailed, match="there is no such file"):
        import_file(folder / "absent.jsonl")
    with pytest.raises(ImportFailed, match="not known"):
        import_file(folder / "red.png")


def test_a_record_from_elsewhere_than_a_file_is_checked_the_same_way() -> None:
    assert read_record({"sku": "a", "category": " A >  > B "}).category == ("A", "B")
    with pytest.raises(RecordError, match="a value that JSON does not have"):
        read_record({"sku": "a", "made": object()})
