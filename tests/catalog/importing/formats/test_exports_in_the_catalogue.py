"""Whole exports of shops in the catalogue: groups keep what their variants say, and a photo that is
missing costs no product."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.importing.files import ImportReport, import_file
from catalog.importing.formats.feed import FeedOptions
from catalog.models import AddressedImage, Product, Variant
from tests.catalog.conftest import photo
from tests.catalog.importing.feeds import EXPORTED, SAMPLES, WriteFeed

pytestmark = pytest.mark.usefixtures("empty_catalogue")
GOOGLE = "id\titem_group_id\ttitle\tprice\tsale_price\tavailability\tsize\tgtin\timage_link\n"


def import_export(path: Path) -> ImportReport:
    return import_file(path, options=FeedOptions(now=EXPORTED))


@pytest.mark.parametrize(
    ("name", "products", "refused"),
    [
        ("woocommerce.csv", {"woo-vneck-tee", "id:47", "WP-pennant", "logo-collection"}, 0),
        ("shopify.csv", {"awesome-tshirt", "gift-card", "free-sample", "only-m"}, 0),
        ("google.atom.xml", {"TV_123456", "AI1"}, 0),
        ("yml.xml", {"9012", "777", "b1", "a1", "v1"}, 2),
    ],
)
def test_the_products_and_variants_of_an_export(
    name: str, products: set[str], refused: int
) -> None:
    report = import_export(SAMPLES / "exports" / name)

    assert products <= set(Product.objects.values_list("sku", flat=True))
    assert len(report.errors) == refused, report.errors


def test_an_item_whose_id_is_that_of_its_group_is_a_variant_of_it() -> None:
    import_export(SAMPLES / "exports" / "yml.xml")

    jacket = Product.objects.get(sku="777")
    assert set(jacket.variants.values_list("sku", flat=True)) == {"777", "778"}  # 779 is hidden
    assert jacket.attributes["barcode"] == ["1", "2"]
    # The price of the cheapest variant, and what that one cost before.
    assert (str(jacket.price), jacket.attributes["regular_price"]) == ("2399.90", "2999.00")


def test_the_price_before_a_discount_is_that_of_the_variant_that_gives_the_price(
    write_feed: WriteFeed,
) -> None:
    rows = (
        "a\tG\tShirt\t30 EUR\t20 EUR\tout_of_stock\tS\t1\t\n"
        "b\tG\tShirt\t25 EUR\t\tin_stock\tM\t2\t\n"
    )
    import_export(write_feed(GOOGLE + rows))

    shirt = Product.objects.get(sku="G")
    assert str(shirt.price) == "25.00"
    assert "regular_price" not in shirt.attributes
    assert shirt.attributes["gtin"] == ["1", "2"]


def test_an_export_whose_photos_are_missing_is_imported_without_them(
    tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    shutil.copy(SAMPLES / "exports" / "magento.csv", tmp_path)
    (tmp_path / "m" / "h").mkdir(parents=True)
    (tmp_path / "m" / "h" / "mh01-black_main_1.jpg").write_bytes(photo("black"))

    report = import_export(tmp_path / "magento.csv")

    assert report.errors == []
    assert report.notes[0] == (
        2,
        "image 'm/b/mb01-blue-0.jpg' cannot be read: No such file or directory; it is left out",
    )
    hoodie = Product.objects.get(sku="MH01")
    assert hoodie.images.count() == 1
    assert Variant.objects.get(sku="MH01-S-Black").photos(list(hoodie.images.all()))

    # When the photos are there, the same file brings them.
    (tmp_path / "m" / "b").mkdir()
    (tmp_path / "m" / "b" / "mb01-blue-0.jpg").write_bytes(photo("blue"))
    import_export(tmp_path / "magento.csv")
    assert Product.objects.get(sku="24-MB01").images.count() == 1

    # A photo that is gone stays in the catalogue.
    (tmp_path / "m" / "b" / "mb01-blue-0.jpg").unlink()
    import_export(tmp_path / "magento.csv")
    assert Product.objects.get(sku="24-MB01").images.count() == 1


def test_an_address_that_may_not_be_fetched_costs_no_product(write_feed: WriteFeed) -> None:
    rows = (
        "a\t\tLamp\t5 EUR\t\tin_stock\t\t\tftp://cdn.example/a.jpg\n"
        "b\t\tSofa\t5 EUR\t\tin_stock\t\t\t//cdn.example/b.jpg\n"
        "c\t\tDesk\t5 EUR\t\tin_stock\t\t\thttp://127.0.0.1/c.jpg\n"
    )
    report = import_export(write_feed(GOOGLE + rows))

    assert (report.written, report.errors) == (3, [])
    assert [line for line, _ in report.notes] == [2, 4]
    addresses = AddressedImage.objects.values_list("product__sku", "address__address")
    assert list(addresses) == [("b", "https://cdn.example/b.jpg")]
