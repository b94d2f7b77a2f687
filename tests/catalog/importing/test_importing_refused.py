"""Imports refuse bad lines of JSON Lines files and write all others."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from catalog.importing.files import ImportFailed, ImportReport, import_file
from catalog.importing.records import RecordError, read_record
from catalog.models import Product, ProductImage

pytestmark = pytest.mark.usefixtures("empty_catalogue")
ImportLines = Callable[..., ImportReport]


def test_bad_lines_are_reported_with_their_numbers_and_the_others_written(
    import_lines: ImportLines,
) -> None:
    report = import_lines(
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
def test_an_image_outside_the_folder_of_the_file_is_refused(
    import_lines: ImportLines, folder: Path, path: str
) -> None:
    secret = folder.parent / "secret.png"
    secret.write_bytes(b"secret")
    (folder / "link.png").symlink_to(secret)

    report = import_lines({"sku": "a", "images": [path.replace("ABSOLUTE", str(secret))]})

    assert report.written == 0
    ((line, reason),) = report.errors
    assert (line, reason.endswith("lies outside the folder of the file")) == (1, True)
    assert not Product.objects.exists()


@pytest.mark.parametrize("path", [".", "loop.png", "x" * 5000, "red.png/inside.png"])
def test_an_unreadable_image_is_refused(import_lines: ImportLines, folder: Path, path: str) -> None:
    (folder / "loop.png").symlink_to("loop.png")

    report = import_lines({"sku": "a", "images": [path]}, {"sku": "b"})

    assert report.written == 1
    ((line, reason),) = report.errors
    assert (line, "cannot be read" in reason) == (1, True)


def test_a_product_with_an_unreadable_photo_stays_unchanged(import_lines: ImportLines) -> None:
    import_lines({"sku": "a", "title": "Old", "images": ["red.png"]})

    report = import_lines({"sku": "a", "title": "New", "images": ["missing.png"]})

    assert (report.written, len(report.errors)) == (0, 1)
    assert Product.objects.get().title == "Old"
    assert ProductImage.objects.count() == 1


BAD_VALUES = [
    ({"sku": None}, "sku is missing"),
    ({"sku": "  "}, "sku is missing"),
    ({"sku": True}, "sku must be text"),
    ({"sku": "x" * 201}, "sku has 201 characters; at most 200 are allowed"),
    ({"title": ["a"]}, "title must be text"),
    ({"title": False}, "title must be text"),
    ({"title": "x" * 501}, "title has 501 characters; at most 500 are allowed"),
    ({"title": "a\0b"}, "title contains a NUL character"),
    ({"keywords": ["a\0b"]}, "keyword contains a NUL character"),
    ({"title": "\ud83d"}, "half of a surrogate pair"),
    ({"keywords": "lamp"}, "keywords must be a list"),
    ({"keywords": ["x"] * 201}, "keywords has 201 entries; at most 200 are allowed"),
    ({"keywords": [["x"]]}, "keyword must be text"),
    ({"images": "red.png"}, "images must be a list"),
    ({"images": ""}, "images must be a list"),
    ({"images": False}, "images must be a list"),
    ({"images": [7]}, "images must be a list of file paths"),
    ({"images": ["a\0.png"]}, "images must be a list of file paths"),
    ({"images": ["\ud83d.png"]}, "images must be a list of file paths"),
    ({"images": ["ftp://a.example/a.png"]}, "cannot be fetched: it must start with http://"),
    ({"images": ["http://u:p@a.example/a.png"]}, "must not contain a user name or a password"),
    ({"images": ["http://10.0.0.1/a.png"]}, "10.0.0.1 is not a public host"),
    ({"images": ["http://[::ffff:127.0.0.1]/a.png"]}, "is not a public host"),
    ({"images": ["http://localhost./a.png"]}, "localhost is not a public host"),
    ({"images": ["http://2130706433/a.png"]}, "not an IPv4 address of four decimal numbers"),
    ({"images": ["http://a.example:22/a.png"]}, "The port 22 of a.example is not allowed"),
    ({"images": ["red.png"] * 101}, "images has 101 entries; at most 100 are allowed"),
    ({"price": "cheap"}, "price 'cheap' is not a number"),
    ({"price": True}, "price True is not a number"),
    ({"price": float("nan")}, "price nan is not a number"),
    ({"price": -1}, "must be at least 0 and less than ten billion"),
    ({"price": 10**10}, "must be at least 0 and less than ten billion"),
    ({"price": "9999999999.999"}, "must be at least 0 and less than ten billion"),
    ({"price": 10**40}, "must be at least 0 and less than ten billion"),
    ({"price": float("inf")}, "must be at least 0 and less than ten billion"),
    ({"currency": "EURO"}, "currency has 4 characters"),
    ({"currency": "€"}, "currency '€' must be a three-letter code"),
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
    import_lines: ImportLines, wrong: dict[str, Any], sentence: str
) -> None:
    line = json.dumps({"sku": "wrong", **wrong}).encode()

    report = import_lines(line, {"sku": "good"})

    assert [sku for (sku,) in Product.objects.values_list("sku")] == ["good"]
    ((number, reason),) = report.errors
    assert number == 1
    assert sentence in reason


def test_the_highest_price_is_written(import_lines: ImportLines) -> None:
    assert import_lines({"sku": "a", "price": "9999999999.99"}).errors == []
    assert Product.objects.get().price == Decimal("9999999999.99")


def test_a_backslash_before_u0000_is_ordinary_text(import_lines: ImportLines) -> None:
    assert import_lines({"sku": "a", "note": r"C:\u0000"}).errors == []
    assert Product.objects.get().attributes == {"note": r"C:\u0000"}


def test_lines_that_are_not_utf8_are_reported_and_the_others_written(
    import_lines: ImportLines,
) -> None:
    report = import_lines({"sku": "a"}, '{"sku": "лампа"}'.encode("cp1251"), {"sku": "b"})

    assert (report.written, report.errors) == (2, [(2, "not UTF-8 text")])


def test_a_byte_order_mark_is_ignored(import_lines: ImportLines) -> None:
    assert import_lines(b'\xef\xbb\xbf{"sku": "a"}').errors == []


def test_extremely_nested_json_is_one_bad_line(import_lines: ImportLines) -> None:
    report = import_lines(b'{"sku": "a", "x": ' + b"[" * 200_000, {"sku": "b"})

    assert (report.written, [line for line, _ in report.errors]) == (1, [1])


def test_of_two_lines_with_one_sku_the_refused_last_one_is_reported(
    import_lines: ImportLines,
) -> None:
    report = import_lines({"sku": "a"}, {"sku": "a", "images": ["missing.png"]})

    assert report.written == 0
    assert [line for line, _ in report.errors] == [2]


def test_errors_are_in_the_order_of_the_lines(import_lines: ImportLines) -> None:
    report = import_lines({"sku": "a", "images": ["missing.png"]}, {"title": "no sku"})

    assert [line for line, _ in report.errors] == [1, 2]


def test_a_missing_file_and_an_unknown_format_raise_import_failed(folder: Path) -> None:
    with pytest.raises(ImportFailed, match="there is no such file"):
        import_file(folder / "absent.jsonl")
    with pytest.raises(ImportFailed, match="not known"):
        import_file(folder / "red.png")


def test_a_record_without_a_file_is_checked_the_same_way() -> None:
    assert read_record({"sku": "a", "category": " A >  > B "}).category == ("A", "B")
    with pytest.raises(RecordError, match="a value that JSON does not have"):
        read_record({"sku": "a", "made": object()})
