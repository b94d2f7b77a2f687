"""Partial feeds, such as lists of prices, change what their rows give and nothing else."""

from django.db import connection

from catalog.models import Product, ProductChange, Variant
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import SHIRT, SHOP, counts, last, prices, send, undo
from tests.support.rows_written import rows_read

PRICES = "sku,price,in_stock\n"


def test_a_list_of_prices_changes_prices_and_stock(server: PhotoServer, feed: AddFeed) -> None:
    feed("sku,title,brand,category,price,in_stock,colour\nlamp,Lamp,Lux,Light,10,yes,red\n")
    before = Product.objects.values().get()
    ProductChange.objects.all().delete()

    source = feed(PRICES + "lamp,12.50,no\n", name="prices", is_full=False)

    after = Product.objects.values().get()
    assert {name: after[name] for name in after if after[name] != before[name]}.keys() == {
        *("price", "in_stock", "updated_at"),
    }
    assert (str(after["price"]), after["in_stock"]) == ("12.50", False)
    assert not ProductChange.objects.exists()
    undo(source)
    assert prices() == {"lamp": "10.00"}


def test_it_names_variants_by_their_own_skus(server: PhotoServer, feed: AddFeed) -> None:
    feed(SHIRT)

    source = feed(PRICES + "shirt-s,5,yes\nshirt-m,6,no\n", name="prices", is_full=False)

    assert prices() == {"shirt": "5.00"}
    stored = Variant.objects.order_by("sku").values_list("sku", "options", "in_stock")
    assert list(stored) == [
        ("shirt-m", {"size": "M"}, False),
        ("shirt-s", {"size": "S"}, True),
    ]
    assert Product.objects.get().title == "Shirt"
    assert send(server, source, PRICES + "shirt-s,5,yes\nshirt-m,6,no\n\n").result == (
        "Unchanged since the last import."
    )


def test_it_makes_no_product_without_a_title(feed: AddFeed) -> None:
    source = feed(PRICES + "lamp,5,yes\n", is_full=False)

    assert not Product.objects.exists()
    assert "no product has this sku" in last(source).refusedline_set.get().reason


def test_it_adds_products_and_attributes(server: PhotoServer, feed: AddFeed) -> None:
    feed(
        SHOP.replace("in_stock", "in_stock,colour")
        .replace(",yes", ",yes,red")
        .replace(",no", ",no,")
    )

    source = feed("sku,title,width\nlamp,,40\nchair,Chair,50\n", name="more", is_full=False)

    assert counts(last(source)) == (1, 1, 0, 0)
    lamp, chair = Product.objects.get(sku="lamp"), Product.objects.get(sku="chair")
    assert (lamp.title, lamp.attributes) == ("Lamp", {"colour": "red", "width": "40"})
    assert (chair.title, chair.attributes) == ("Chair", {"width": "50"})


def test_the_first_list_of_a_source_reads_its_rows_a_few_times(feed: AddFeed) -> None:
    skus = [f"lamp-{number}" for number in range(1000)]
    feed("sku,title,price\n" + "".join(f"{sku},Lamp,10\n" for sku in skus))
    with connection.cursor() as cursor:  # statistics do not know the second source
        cursor.execute("ANALYZE catalog_sourceproduct")
    before = rows_read("catalog_sourceproduct")

    feed(PRICES + "".join(f"{sku},12,yes\n" for sku in skus), name="prices", is_full=False)

    assert set(prices().values()) == {"12.00"}
    assert rows_read("catalog_sourceproduct") - before < 10 * len(skus)
