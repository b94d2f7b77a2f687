"""A full feed hides what it no longer has, but never much without asking."""

from typing import Any

import pytest

from catalog.models import Product, ProductImport, Source
from indexing.pipeline.sources.source_actions import (
    SourceError,
    confirm_hiding,
    discard_import,
    request_pull,
)
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import (
    HEADER,
    SHOP,
    counts,
    last,
    prices,
    pull,
    send,
    undo,
)

TEN = HEADER + "\n" + "".join(f"p{n},Thing {n},{n}.00,yes\n" for n in range(10))
NINE = TEN.replace("p9,Thing 9,9.00,yes\n", "")
TWO = f"{HEADER}\np0,Thing 0,0.50,yes\np1,Thing 1,1.00,yes\n"


def visible() -> int:
    return Product.objects.visible().count()


def test_a_few_missing_products_are_hidden_and_come_back(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(TEN)

    send(server, source, NINE)
    assert counts(last(source)) == (0, 0, 1, 0)
    assert not Product.objects.get(sku="p9").is_visible

    send(server, source, TEN)
    assert counts(last(source)) == (0, 1, 0, 0)
    assert visible() == 10


def test_a_partial_feed_hides_nothing(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(TEN, is_full=False)

    send(server, source, TWO)

    assert counts(last(source)) == (0, 1, 0, 0)
    assert visible() == 10


def test_a_feed_that_lacks_much_waits_and_writes_nothing(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(TEN)

    source = send(server, source, TWO)

    waiting = last(source)
    assert (waiting.state, waiting.missing) == ("waiting", 8)
    assert "no longer has 8 of 10 products" in source.result
    assert (visible(), prices()["p0"]) == (10, "0.00")
    # It goes on waiting, whatever the schedule does.
    assert pull(source).result == source.result
    assert source.imports.filter(state="waiting").count() == 1


def test_an_operator_confirms(server: PhotoServer, feed: AddFeed) -> None:
    source = send(server, feed(TEN), TWO)

    sentence = confirm_hiding(source, "anna")
    source = pull(source)

    assert "may hide this many products: 8" in sentence
    done = last(source)
    assert (done.state, counts(done)) == ("succeeded", (0, 1, 8, 0))
    assert (visible(), prices()["p0"], source.hides_up_to) == (2, "0.50", 0)
    assert not source.imports.filter(state="waiting").exists()
    undo(source)
    assert (visible(), prices()["p0"]) == (10, "0.00")


def test_a_confirmation_does_not_cover_more_that_is_missing(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = send(server, feed(TEN), TWO)
    confirm_hiding(source, "anna")

    source = send(server, source, f"{HEADER}\np1,Thing 1,1.00,yes\n")

    assert (last(source).state, last(source).missing, visible()) == ("waiting", 9, 10)


def test_an_operator_discards(server: PhotoServer, feed: AddFeed) -> None:
    source = send(server, feed(TEN), TWO)

    discard_import(source, "anna")

    discarded = last(source)
    assert (discarded.state, discarded.undone_by) == ("discarded", "anna")
    assert pull(source).result == "Unchanged since the last import."
    assert visible() == 10
    with pytest.raises(SourceError, match="waits for a decision"):
        confirm_hiding(source, "anna")
    # A feed that is whole again is imported.
    send(server, source, TEN.replace("5.00", "5.50"))
    assert (prices()["p5"], visible()) == ("5.50", 10)


def test_a_whole_feed_answers_the_question(server: PhotoServer, feed: AddFeed) -> None:
    source = send(server, feed(TEN), TWO)

    send(server, source, TEN.replace("5.00", "5.50"))

    assert prices()["p5"] == "5.50"
    assert not ProductImport.objects.filter(state="waiting").exists()


@pytest.mark.parametrize("cut", [b"p1,Thing 1", b'p1,"Thing 1'], ids=["in a row", "in a cell"])
def test_a_feed_that_is_cut_off_hides_nothing(
    server: PhotoServer, feed: AddFeed, settings: Any, cut: bytes
) -> None:
    settings.SOURCE_MAX_HIDDEN = 1.0
    source = feed(TEN)

    server.put("/shop.csv", f"{HEADER}\np0,Thing 0,0.50,yes\n".encode() + cut)
    source = pull(source)

    assert "ends in the middle" in source.error
    assert (visible(), prices()["p0"]) == (10, "0.50")
    assert last(source).state == "failed"
    # The next pull goes on with the import, and both parts are taken back together.
    send(server, source, TEN.replace("p0,Thing 0,0.00", "p0,Thing 0,0.50").replace("5.00", "5.50"))
    assert (last(source).state, counts(last(source))) == ("succeeded", (0, 2, 0, 0))
    undo(source)
    assert (prices()["p0"], prices()["p5"]) == ("0.00", "5.00")


def test_a_feed_that_is_taken_back_after_a_cut_is_read_again(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(TEN)
    send(server, source, f"{HEADER}\np0,Thing 0,0.50,yes\np1,Thi")
    assert prices()["p0"] == "0.50"

    send(server, source, TEN)

    assert prices()["p0"] == "0.00"


def test_a_refused_row_is_not_missing(server: PhotoServer, feed: AddFeed, settings: Any) -> None:
    settings.SOURCE_MAX_HIDDEN = 1.0
    source = feed(TEN)

    send(server, source, NINE + "p9,Thing 9,cheap,yes\n")

    assert visible() == 10
    assert last(source).refused == 1


def test_a_row_that_nobody_can_read_stops_the_hiding(
    server: PhotoServer, feed: AddFeed, settings: Any
) -> None:
    settings.SOURCE_MAX_HIDDEN = 1.0
    source = feed(TEN)

    source = send(server, source, NINE + "p9,Thing 9,1,yes,too,many,cells\n")

    assert visible() == 10
    assert "No product is hidden: 1 are missing" in source.result


def test_a_product_of_another_full_feed_stays(
    server: PhotoServer, feed: AddFeed, settings: Any
) -> None:
    settings.SOURCE_MAX_HIDDEN = 1.0
    source = feed(SHOP)
    feed(f"{HEADER}\nlamp,Lamp,10.00,yes\n", name="other")

    send(server, source, f"{HEADER}\nsofa,Sofa,20.00,yes\n")

    assert set(prices()) == {"lamp", "sofa"}


def test_a_source_is_not_asked_for_twice(feed: AddFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    source = feed(SHOP)
    monkeypatch.setattr("indexing.pipeline.sources.source_actions.is_pulled", lambda source: True)

    with pytest.raises(SourceError, match="is being pulled already"):
        request_pull(source, "anna")
    assert Source.objects.get().requested_by == ""
