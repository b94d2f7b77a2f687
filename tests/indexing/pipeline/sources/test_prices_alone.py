"""A feed in which prices and stock alone have changed writes them in sets. The catalogue, the
journal and an undo are the same as if every row was imported whole."""

from typing import Any

import pytest
from django.db import connection

from catalog.importing import files
from catalog.importing.rows import row_groups
from catalog.importing.rows.row_hashes import PRICE_FIELDS, RowHashes
from catalog.models import Product, ProductChange, Source, Variant
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import (
    SHIRT,
    SHOP,
    counts,
    last,
    prices,
    pull,
    send,
    undo,
)

TABLES = (
    *("product", "variant", "productimage", "addressedimage", "imageaddress", "importedrow"),
    *("sourceproduct", "category", "productchange"),
)
GOOGLE = (
    "id\titem_group_id\ttitle\tsize\tprice\tsale_price\tavailability\timage_link\tproduct_type\n"
)
SALE = GOOGLE + (
    "a\t\tLamp\t\t10 EUR\t8 EUR\tin_stock\thttps://cdn.example/a.jpg\tHome > Lamps\n"
    "b\t\tSofa\t\t20 EUR\t\tin_stock\t\tHome\n"
    "c-s\tc\tCoat\tS\t50 EUR\t40 EUR\tin_stock\thttps://cdn.example/c.jpg\t\n"
    "c-m\tc\tCoat\tM\t50 EUR\t40 EUR\tout_of_stock\thttps://cdn.example/c.jpg\t\n"
)
SALE_CHANGED = GOOGLE + (
    "a\t\tLamp\t\t11 EUR\t\tout_of_stock\thttps://cdn.example/a.jpg\tHome > Lamps\n"
    "b\t\tSofa\t\t20 EUR\t15 EUR\tin_stock\t\tHome\n"
    "c-s\tc\tCoat\tS\t55 EUR\t45 EUR\tout_of_stock\thttps://cdn.example/c.jpg\t\n"
    "c-m\tc\tCoat\tM\t50 EUR\t30 EUR\tin_stock\thttps://cdn.example/c.jpg\t\n"
)


def rows() -> dict[str, list[Any]]:
    """Returns the rows of all tables that imports write, without times and their numbers."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT (to_jsonb(t) - '{updated_at,product_import_id}'::text[])::text"
                f" FROM catalog_{table} t ORDER BY 1"
            )
            found[table] = [row[0] for row in cursor.fetchall()]
    return found


def import_and_undo(server: PhotoServer, source: Source, lines: str) -> list[Any]:
    """Returns what an import, and its undo, leave in the tables."""
    send(server, source, lines)
    imported, done = rows(), counts(last(source))
    undo(source)
    return [imported, done, rows()]


@pytest.mark.parametrize(
    ("first", "second", "fields"),
    [
        (SHOP, SHOP.replace("0.00", "1.50").replace("no", "yes"), {}),
        (SHIRT, SHIRT.replace(",12,yes", ",7,yes").replace(",10,yes", ",10,no"), {}),
        (SALE, SALE_CHANGED, {}),
        (SHOP, SHOP.replace("20.00,yes", "21.00,no"), {"is_full": False}),
        (SALE, SALE_CHANGED, {"is_full": False}),
    ],
    ids=["products", "variants", "sales", "partial", "partial sales"],
)
def test_the_result_and_the_undo_are_those_of_whole_rows(
    server: PhotoServer,
    feed: AddFeed,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
    fields: dict[str, Any],
) -> None:
    source = feed(first, **fields)
    before = rows()
    with monkeypatch.context() as patch:
        patch.setattr(RowHashes, "differ_in_prices", lambda own, known: False)
        whole = import_and_undo(server, source, second)
    server.put(f"/{source.name}.csv", first.encode())
    pull(source, reads_all=True)

    def fail(*arguments: Any) -> None:
        raise AssertionError("rows are imported whole")

    monkeypatch.setattr(files, "upsert_rows", fail)
    alone = import_and_undo(server, source, second)

    assert alone == whole
    assert whole[1][1] > 0
    assert whole[0]["product"] != before["product"] == whole[2]["product"]
    assert whole[2]["variant"] == before["variant"]


def test_prices_of_a_partial_feed_reach_variants_by_their_own_sku(
    server: PhotoServer, feed: AddFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(SHIRT)
    monkeypatch.setattr(files, "upsert_rows", None)
    source = feed("sku,price\nshirt-m,9\n", name="prices", is_full=False)
    assert prices() == {"shirt": "9.00"}

    send(server, source, "sku,price\nshirt-m,8\n")

    assert Variant.objects.get(sku="shirt-m").price == 8
    assert prices() == {"shirt": "8.00"}
    assert not source.error


def test_a_first_list_of_prices_leaves_what_whole_rows_would(
    server: PhotoServer, feed: AddFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(SHOP)
    feed(SHIRT, name="shirts")
    given = "sku,price,in_stock,regular_price\nlamp,11,no,15\nshirt-s,6,,\ngone,5,yes,\ndesk,30,,\n"
    left: list[list[Any]] = []
    for only_prices in (PRICE_FIELDS, frozenset[str]()):
        with monkeypatch.context() as patch:
            patch.setattr(row_groups, "PRICE_FIELDS", only_prices)
            source = feed(given, name="prices", is_full=False)
        [refused] = last(source).refusedline_set.all()
        imported, done = rows(), counts(last(source))
        undo(source)
        left.append([imported, rows(), refused.sku, done])
        source.delete()

    in_sets, whole = left
    for table in ("product", "variant"):
        assert [found[table] for found in in_sets[:2]] == [found[table] for found in whole[:2]]
    assert in_sets[2:] == whole[2:] == ["gone", (0, 2, 0, 0)]
    assert prices() == {"lamp": "10.00", "sofa": "20.00", "desk": "30.00", "shirt": "10.00"}


def test_prices_alone_leave_what_an_operator_has_changed(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    Product.objects.filter(sku="sofa").update(title="Red sofa")
    Product.objects.filter(sku="desk").delete()
    ProductChange.objects.all().delete()

    send(server, source, SHOP.replace("0.00", "1.00"))

    assert prices() == {"lamp": "11.00", "sofa": "21.00", "desk": "31.00"}
    assert set(Product.objects.values_list("title", flat=True)) == {"Lamp", "Red sofa", "Desk"}


def test_other_variants_than_the_rows_say_are_mended(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHIRT)
    Variant.objects.filter(sku="shirt-s").delete()

    send(server, source, SHIRT.replace(",10,yes", ",9,yes"))

    assert dict(Variant.objects.values_list("sku", "price")) == {"shirt-s": 12, "shirt-m": 9}


def test_a_price_that_cannot_be_read_is_refused(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)

    send(server, source, SHOP.replace("20.00", "-5").replace("10.00", "11.00"))

    assert prices() == {"lamp": "11.00", "sofa": "20.00", "desk": "30.00"}
    [refused] = last(source).refusedline_set.all()
    assert (refused.line, refused.sku) == (3, "sofa")
