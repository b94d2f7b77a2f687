"""The exports of shops give products with variants and photos in the catalogue."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.importing.files import ImportReport, import_file
from catalog.importing.formats.feed import FeedOptions
from catalog.models import AddressedImage, ImageAddress, Product, ProductImage, Variant
from tests.catalog.conftest import photo
from tests.catalog.importing.feeds import NOW, SAMPLES

pytestmark = pytest.mark.usefixtures("empty_catalogue")
VariantRow = tuple[str, dict[str, str], str, bool]


def import_sample(name: str) -> ImportReport:
    return import_file(SAMPLES / name, options=FeedOptions(now=NOW))


def variants(product: str) -> list[VariantRow]:
    """Returns (sku, options, price, stock) of each variant."""
    rows = Variant.objects.filter(product__sku=product).order_by("position")
    return [(row.sku, row.options, str(row.price), row.in_stock) for row in rows]


def price_and_stock(product: str) -> tuple[str, bool]:
    row = Product.objects.get(sku=product)
    return str(row.price), row.in_stock


def addresses(product: str) -> list[str]:
    rows = AddressedImage.objects.filter(product__sku=product).order_by("position")
    return [row.address.address.rpartition("/")[2] for row in rows]


def skus() -> set[str]:
    return set(Product.objects.values_list("sku", flat=True))


def test_shopify() -> None:
    report = import_sample("shopify.csv")

    assert (report.written, report.errors) == (3, [])
    assert skus() == {"CH-1", "tee", "DR-1"}
    assert variants("tee") == [
        ("TS-S-B", {"Size": "S", "Color": "Blue"}, "19.99", True),
        ("tee-M-Blue", {"Size": "M", "Color": "Blue"}, "19.99", True),
        ("TS-M-R", {"Size": "M", "Color": "Red"}, "21.99", True),
    ]
    assert price_and_stock("tee") == ("19.99", True)
    assert addresses("tee") == ["tee-blue.jpg", "tee.jpg", "tee-back.jpg", "tee-red.jpg"]
    assert addresses("CH-1") == ["chair.jpg"]
    chair = Product.objects.get(sku="CH-1")
    assert (chair.title, chair.attributes["regular_price"]) == ("Oak chair", "299.00")
    assert not chair.variants.exists()
    assert not ProductImage.objects.exists()
    assert set(ImageAddress.objects.values_list("state", flat=True)) == {"waiting"}


def test_woocommerce() -> None:
    report = import_sample("woocommerce.csv")

    assert (report.written, report.errors) == (3, [])
    assert skus() == {"HOODIE", "id:13", "id:20"}
    assert variants("HOODIE") == [
        ("HOODIE-B", {"Color": "Blue"}, "35.00", True),
        ("id:12", {"Color": "Red"}, "45.00", False),
    ]
    assert price_and_stock("HOODIE") == ("35.00", True)
    assert Product.objects.get(sku="HOODIE").title == "Hoodie"
    assert addresses("HOODIE") == ["h.jpg", "h,2.jpg", "h-b.jpg"]
    # The row of this group is not in the file.
    assert variants("id:20") == [("CAP-S", {"Size": "S"}, "9.00", True)]


def test_magento_with_photos_beside_the_file(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    folder = tmp_path / "export"
    (folder / "w" / "h").mkdir(parents=True)
    shutil.copy(SAMPLES / "magento.csv", folder)
    for name, colour in (("wh", "red"), ("wh-2", "blue"), ("wh-s", "green")):
        (folder / "w" / "h" / f"{name}.jpg").write_bytes(photo(colour))

    report = import_file(folder / "magento.csv", options=FeedOptions(now=NOW))

    assert (report.written, report.errors) == (2, [])
    assert skus() == {"WH", "GIFT"}
    # WH-M is disabled in the shop.
    assert variants("WH") == [("WH-S", {"Size": "S", "Color": "Red"}, "40.00", True)]
    assert price_and_stock("WH") == ("40.00", True)
    hoodie = Product.objects.get(sku="WH")
    assert (hoodie.title, hoodie.brand) == ("Hoodie", "Nordwood")
    images = list(hoodie.images.order_by("position"))
    assert len(images) == 3
    assert Variant.objects.get(sku="WH-S").photos(images) == images[2:]
    assert not ImageAddress.objects.exists()


def test_google() -> None:
    report = import_sample("google.rss.xml")

    assert (report.written, report.errors) == (2, [])
    assert variants("TS") == [("TS-M", {"Color": "Blue", "Size": "M"}, "19.99", False)]
    assert price_and_stock("TS") == ("19.99", False)
    assert Product.objects.get(sku="TS").currency == "USD"
    assert price_and_stock("CH-1") == ("99.00", True)
    assert addresses("CH-1") == ["ch-1.jpg", "ch-1-side.jpg", "ch-1-back.jpg"]


def test_yandex_market() -> None:
    report = import_sample("yml.xml")

    assert (report.written, report.errors) == (2, [])
    assert variants("700") == [
        ("T-42", {"Размер": "42 RU"}, "1299.50", False),
        ("T-43", {"Размер": "43 RU"}, "1299.50", True),
    ]
    assert price_and_stock("700") == ("1299.50", True)
    slippers = Product.objects.get(sku="700")
    assert (slippers.title_ru, slippers.currency) == ("Тапочки Норд Уют", "RUB")
    assert slippers.attributes["Состав"] == "шерсть"
    assert addresses("9012") == ["9012-1.jpg", "9012-2.jpg"]


@pytest.mark.parametrize("name", ["shopify.csv", "woocommerce.csv", "google.rss.xml", "yml.xml"])
def test_a_second_import_changes_nothing(name: str) -> None:
    import_sample(name)
    before = [list(model.objects.order_by("pk").values()) for model in (Product, Variant)]

    import_sample(name)

    assert [list(model.objects.order_by("pk").values()) for model in (Product, Variant)] == before


def test_a_feed_of_any_format_is_read_from_an_archive_with_its_photos(
    tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(SAMPLES / "own.csv", folder / "own.csv")
    for name, colour in (("a", "red"), ("b", "blue")):
        (folder / f"{name}.jpg").write_bytes(photo(colour))
    (folder / "readme.txt").write_text("Photos of our chairs.")

    report = import_file(Path(shutil.make_archive(str(folder), "zip", folder)))

    assert (report.written, report.errors) == (2, [])
    assert [row[:2] for row in variants("A")] == [("A-1", {"Size": "M"})]
    assert ProductImage.objects.filter(product__sku="A").count() == 2
