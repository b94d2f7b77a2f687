"""Sources are pulled, compared and written: only what has changed reaches the catalogue."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from catalog.models import ImportedRow, Product, ProductChange, ProductImport, Source
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import HEADER, SHOP, counts, last, prices, pull, send
from tests.support.rows_written import rows_written


def catalogue_rows() -> dict[int, Any]:
    return {row.pop("id"): row for row in Product.objects.values()}


def test_a_first_pull_adds_every_product(feed: AddFeed) -> None:
    source = feed(SHOP)

    assert prices() == {"lamp": "10.00", "sofa": "20.00", "desk": "30.00"}
    done = last(source)
    assert (done.state, done.started_by, counts(done)) == ("succeeded", "schedule", (3, 0, 0, 0))
    assert source.result.startswith("3 products added, 0 changed")
    assert source.next_at is not None
    assert source.next_at > timezone.now()


def test_a_server_that_answers_304_is_believed(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    send(server, source, SHOP, ETag='"1"')

    again = pull(source)

    assert server.headers[-1]["If-None-Match"] == '"1"'
    assert again.result == "Unchanged since the last import."
    assert source.imports.count() == 1


def test_equal_bytes_are_not_read_again(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    before = catalogue_rows()

    again = pull(source)

    assert "If-None-Match" not in server.headers[-1]
    assert again.result == "Unchanged since the last import."
    assert catalogue_rows() == before


def test_rows_that_have_not_changed_write_nothing(server: PhotoServer, feed: AddFeed) -> None:
    """A feed with a timestamp has other bytes every time."""
    now = '<?xml version="1.0"?><yml_catalog date="{}"><shop><offers>'
    offer = '<offer id="a"><name>Lamp</name><price>5</price><currencyId>EUR</currencyId></offer>'
    source = feed(now.format("10:00") + offer + "</offers></shop></yml_catalog>")
    ledger = ("indexing_indexingrun", "indexing_chunk", "catalog_source", "catalog_productimport")

    server.put(
        "/shop.csv", (now.format("11:00") + offer + "</offers></shop></yml_catalog>").encode()
    )
    before = rows_written(*ledger)
    again = pull(source)

    assert rows_written(*ledger) == before
    assert again.result == "Unchanged since the last import."
    assert again.content_hash != source.content_hash
    assert source.imports.count() == 1


def test_only_changed_rows_are_written(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    before = catalogue_rows()

    send(server, source, SHOP.replace("Sofa,20.00", "Sofa,19.00") + "chair,Chair,5,yes\n")

    assert counts(last(source)) == (1, 1, 0, 0)
    assert prices() == {"lamp": "10.00", "sofa": "19.00", "desk": "30.00", "chair": "5.00"}
    now = catalogue_rows()
    assert [now[pk]["sku"] for pk in before if now[pk] != before[pk]] == ["sofa"]


def test_prices_and_stock_alone_make_nothing_to_embed(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    ProductChange.objects.all().delete()

    send(server, source, SHOP.replace("0.00", "1.00").replace("no", "yes"))

    assert prices() == {"lamp": "11.00", "sofa": "21.00", "desk": "31.00"}
    assert not Product.objects.filter(in_stock=False).exists()
    assert not ProductChange.objects.exists()


def test_what_an_operator_changes_stays_until_the_feed_changes_it(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    Product.objects.filter(sku="sofa").update(title="Red sofa")
    Product.objects.filter(sku="desk").delete()

    send(server, source, SHOP.replace("Lamp,10.00", "Lamp,11.00"))
    assert set(Product.objects.values_list("title", flat=True)) == {"Lamp", "Red sofa"}

    pull(source, reads_all=True)
    assert set(Product.objects.values_list("title", flat=True)) == {"Lamp", "Sofa", "Desk"}


def test_a_sale_that_begins_is_noticed_in_the_same_feed(feed: AddFeed) -> None:
    soon = timezone.now() + timedelta(hours=1)
    source = feed(
        "id,title,availability,price,sale_price,sale_price_effective_date\n"
        f"a,Lamp,in_stock,10 EUR,8 EUR,{soon.isoformat()}/2999-01-01\n"
    )
    assert prices() == {"a": "10.00"}
    assert source.changes_at == soon

    Source.objects.update(changes_at=timezone.now())
    assert pull(source).result == "Unchanged since the last import."  # read, and still no sale


def test_a_source_with_other_options_is_read_again(feed: AddFeed) -> None:
    source = feed(SHOP)

    pull(source, currency="USD")

    assert set(Product.objects.values_list("currency", flat=True)) == {"USD"}


def test_only_the_journal_of_the_last_import_is_kept(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    send(server, source, SHOP.replace("10.00", "11.00"))

    assert ProductImport.objects.count() == 2
    entry = ImportedRow.objects.get()
    assert (entry.op, entry.before, entry.after) == ("U", {"price": 10.0}, {"price": 11.0})


def test_a_refused_line_is_listed_with_its_sku(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(f"{HEADER}\nlamp,Lamp,10,yes\nsofa,Sofa,cheap,yes\ndesk,Desk,1,maybe\n")

    lines = last(source).refusedline_set.values_list("line", "sku", "reason")
    assert [(line, sku) for line, sku, _ in lines] == [(3, "sofa"), (4, "desk")]
    assert "cheap" in lines[0][2]
    assert "maybe" in lines[1][2]
    assert "2 lines refused" in source.result
