"""Variants that leave their product, join another one, or are refused."""

from typing import Any

import pytest

from catalog.models import Product, ProductImage
from tests.catalog.importing.shirts import SIZES, TEE, ImportLines, size, variants

pytestmark = pytest.mark.usefixtures("empty_catalogue")


def test_a_variant_that_the_file_leaves_out_is_deleted(import_lines: ImportLines) -> None:
    import_lines(TEE, *SIZES)

    import_lines(TEE, *SIZES[:2])

    assert variants() == ["tee-red-s", "tee-red-m"]
    assert ProductImage.objects.count() == 1


def test_a_refused_row_keeps_the_variants_that_the_others_leave_out(
    import_lines: ImportLines,
) -> None:
    import_lines(TEE, *SIZES)

    report = import_lines(TEE, SIZES[0], {**SIZES[1], "price": "cheap"})

    assert report.errors == [(3, "price 'cheap' is not a number")]
    assert set(variants()) == {"tee-red-s", "tee-red-m", "tee-blue-s"}


@pytest.mark.parametrize("head", [TEE, {"sku": "tee", "title": "T-shirt", "currency": "USD"}])
def test_variants_stay_if_the_file_has_only_refused_ones(
    import_lines: ImportLines, head: dict[str, Any]
) -> None:
    import_lines(TEE, *SIZES)

    report = import_lines({**head, "title": "New", "price": 99}, {**SIZES[0], "price": "cheap"})

    assert (report.written, [line for line, _ in report.errors]) == (1, [2])
    assert list(Product.objects.values_list("title", "price")) == [("New", 10)]
    assert len(variants()) == 3


def test_an_unreadable_photo_refuses_its_variant_only(import_lines: ImportLines) -> None:
    report = import_lines(TEE, SIZES[0], {**SIZES[1], "images": ["missing.png"]})

    assert (report.written, [line for line, _ in report.errors]) == (1, [3])
    assert variants() == ["tee-red-s"]


def test_a_refused_row_of_the_group_refuses_all_its_rows(import_lines: ImportLines) -> None:
    report = import_lines({**TEE, "popularity": -1}, *SIZES[:2])

    assert report.written == 0
    assert [line for line, _ in report.errors] == [1, 2, 3]
    assert report.errors[1][1] == "line 1, which describes its product, is refused"
    assert not Product.objects.exists()


def test_a_row_that_left_its_group_is_a_product_of_its_own(import_lines: ImportLines) -> None:
    import_lines(TEE, *SIZES)

    import_lines({**SIZES[2], "group": None, "options": None})

    assert variants() == ["tee-red-s", "tee-red-m"]
    assert set(Product.objects.values_list("sku", flat=True)) == {"tee", "tee-blue-s"}


def test_a_row_that_joined_a_group_is_no_product_any_more(import_lines: ImportLines) -> None:
    import_lines(*({**row, "group": None, "options": None} for row in SIZES))
    assert Product.objects.count() == 3

    import_lines(TEE, *SIZES)

    assert Product.objects.get().sku == "tee"
    assert len(variants()) == 3


def test_a_product_that_lost_its_variants_has_its_own_price_again(
    import_lines: ImportLines,
) -> None:
    import_lines(TEE, *SIZES)

    import_lines({"sku": "tee", "title": "T-shirt", "price": 99})

    assert (Product.objects.get().price, variants()) == (99, [])


def test_of_two_products_in_a_file_the_first_keeps_the_sku_of_a_variant(
    import_lines: ImportLines,
) -> None:
    polo = size("tee-red-s") | {"group": "polo"}
    rows = [TEE, SIZES[0], polo, size("polo-1") | {"group": "polo"}, {"sku": "tee-red-s"}]
    for _ in range(2):
        report = import_lines(*rows)

        sentence = "sku 'tee-red-s' is already a variant of 'tee' in this file"
        assert report.errors == [(3, sentence), (5, sentence)]
        assert (variants("tee"), variants("polo")) == (["tee-red-s"], ["polo-1"])


def test_of_two_files_the_last_moves_the_variant_to_its_product(import_lines: ImportLines) -> None:
    import_lines(TEE, *SIZES[:2])

    import_lines(size("tee-red-s") | {"group": "polo"})

    assert (variants("tee"), variants("polo")) == (["tee-red-m"], ["tee-red-s"])
    assert Product.objects.get(sku="tee").price == 10
