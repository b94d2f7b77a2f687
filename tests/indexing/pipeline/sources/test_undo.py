"""The last import of a source is taken back. What somebody has changed since stays."""

from typing import Any

import pytest
from django.db import connection

from catalog.models import AddressedImage, ImportedRow, Product, ProductImage, Variant
from indexing.pipeline.sources.source_actions import SourceError, add_source, undo_last
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.pipeline.fetching.photo_addresses import fetch
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import (
    HEADER,
    SHIRT,
    SHOP,
    counts,
    last,
    prices,
    pull,
    send,
    undo,
)
from tests.indexing.shop import current_images, photo, rebuild, refresh, vectors_of

RED, BLUE, GREEN = photo("red"), photo("blue"), photo("green")


def catalogue() -> list[Any]:
    """Every value of every product, variant and photo, except when it was written."""
    names = [f.name for f in Product._meta.concrete_fields if f.name != "updated_at"]
    return [
        list(Product.objects.order_by("pk").values(*names)),
        list(Variant.objects.order_by("pk").values()),
        list(ProductImage.objects.order_by("pk").values()),
    ]


def check_constraints() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_added_products_are_deleted_and_stay_away(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)

    undone = undo(source)

    assert not Product.objects.exists()
    assert (undone.undone_by, undone.kept) == ("anna", 0)
    assert not ImportedRow.objects.exists()
    send(server, source, SHOP + "\n")  # other bytes, the same rows
    assert not Product.objects.exists()
    pull(source, reads_all=True)
    assert Product.objects.count() == 3


def test_changed_and_hidden_products_become_as_they_were(
    server: PhotoServer, feed: AddFeed, settings: Any
) -> None:
    settings.SOURCE_MAX_HIDDEN = 0.5
    source = feed(SHOP)
    before = catalogue()
    changed = f"{HEADER},colour\nlamp,Big lamp,11,no,red\nsofa,Sofa,20,yes,\n"
    send(server, source, changed)
    assert counts(last(source)) == (0, 1, 1, 0)
    assert prices() == {"lamp": "11.00", "sofa": "20.00"}

    assert undo(source).kept == 0

    assert catalogue() == before
    send(server, source, changed + "\n")  # the shop has not changed these rows since
    assert catalogue() == before


def test_what_was_changed_since_stays(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    send(server, source, SHOP.replace("0.00", "1.00") + "chair,Chair,5,yes\nbed,Bed,6,yes\n")
    Product.objects.filter(sku="lamp").update(price="9.00")
    Product.objects.filter(sku="sofa").update(title="Red sofa")  # the import changed its price
    Product.objects.filter(sku="desk").delete()
    Product.objects.filter(sku="chair").update(title="My chair")

    undone = undo(source)

    assert prices() == {"lamp": "9.00", "sofa": "20.00", "chair": "5.00"}
    assert Product.objects.get(sku="sofa").title == "Red sofa"
    assert undone.kept == 3


def test_an_undo_cannot_be_repeated_or_skip_an_import(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    first = last(source)
    send(server, source, SHOP.replace("10.00", "11.00"))
    undo(source)

    with pytest.raises(SourceError, match="is taken back already"):
        undo_last(source, "anna")
    first.refresh_from_db()
    assert first.state == "succeeded"


def test_variants_come_back_with_their_prices(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHIRT)
    before = catalogue()
    send(
        server,
        source,
        SHIRT.replace("S,12", "S,7").replace("shirt-m,shirt,,,M,10", "shirt-l,shirt,,,L,15"),
    )
    assert prices() == {"shirt": "7.00"}

    assert undo(source).kept == 0

    check_constraints()
    assert catalogue() == before
    assert prices() == {"shirt": "10.00"}


def test_a_variant_that_became_a_product_comes_back(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHIRT)
    before = catalogue()
    send(server, source, SHIRT.replace("shirt-m,shirt,,,M", "shirt-m,,,Alone,M"))
    assert Product.objects.count() == 2

    assert undo(source).kept == 0

    check_constraints()
    assert catalogue() == before


def test_a_product_that_became_a_variant_comes_back(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHIRT + "shirt-l,,,Large shirt,,20,yes\n")
    before = catalogue()
    send(server, source, SHIRT + "shirt-l,shirt,,,L,5,yes\n")
    assert counts(last(source)) == (0, 1, 0, 1)
    assert prices() == {"shirt": "5.00"}

    assert undo(source).kept == 0

    check_constraints()
    assert catalogue() == before


def test_a_variant_that_was_changed_since_stays(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHIRT)
    send(server, source, SHIRT.replace("S,12", "S,7").replace("M,10", "M,8"))
    Variant.objects.filter(sku="shirt-s").update(price=6)

    assert undo(source).kept == 1

    stored = dict(Variant.objects.values_list("sku", "price"))
    assert {sku: str(price) for sku, price in stored.items()} == {
        "shirt-s": "6.00",
        "shirt-m": "10.00",
    }
    assert prices() == {"shirt": "6.00"}


@pytest.fixture
def files(server: PhotoServer, settings: Any) -> None:
    for name, data in {"red": RED, "blue": BLUE, "green": GREEN}.items():
        (settings.IMPORT_ROOT / f"{name}.jpg").write_bytes(data)


def test_photos_come_back_without_being_embedded_again(
    server: PhotoServer, feed: AddFeed, settings: Any, files: None, encoder: HistogramEncoder
) -> None:
    path = settings.IMPORT_ROOT / "shop.csv"
    path.write_text("sku,title,images\nlamp,Lamp,red.jpg|blue.jpg\nsofa,Sofa,green.jpg\n")
    source = pull(add_source("files", "shop.csv"))
    rebuild()
    before = catalogue()
    path.write_text("sku,title,images\nlamp,Lamp,red.jpg\nsofa,Sofa,green.jpg\n")
    pull(source)
    refresh()
    assert len(vectors_of()) == 2
    encoded = encoder.encoded

    assert undo(source).kept == 0
    refresh()

    check_constraints()
    assert catalogue() == before
    assert vectors_of() == current_images()
    assert encoder.encoded == encoded


def test_added_products_go_with_the_addresses_of_their_photos(
    server: PhotoServer, feed: AddFeed
) -> None:
    red = server.put("/red.jpg", RED)
    source = feed(f"sku,title,images\nlamp,Lamp,{red}\n")
    assert AddressedImage.objects.count() == 1

    undo(source)

    check_constraints()
    assert not Product.objects.exists()
    assert not AddressedImage.objects.exists()


def test_photos_by_address_come_back(server: PhotoServer, feed: AddFeed) -> None:
    red, blue = server.put("/red.jpg", RED), server.put("/blue.jpg", BLUE)
    source = feed(f"sku,title,images\nlamp,Lamp,{red}\n")
    fetch()
    before = [(i.position, i.content_hash) for i in ProductImage.objects.all()]
    send(server, source, f"sku,title,images\nlamp,Lamp,{blue}|{red}\n")
    fetch()
    assert ProductImage.objects.count() == 2

    assert undo(source).kept == 0
    fetch()

    check_constraints()
    assert [(i.position, i.content_hash) for i in ProductImage.objects.all()] == before


def test_a_photo_that_was_added_since_keeps_the_product(feed: AddFeed) -> None:
    source = feed(SHOP)
    lamp = Product.objects.get(sku="lamp")
    ProductImage.objects.create(product=lamp, position=0, file="products/own.jpg")

    assert undo(source).kept == 1

    assert list(Product.objects.values_list("sku", flat=True)) == ["lamp"]
