"""Workers die, pulls are cancelled, and sources are deleted in the middle: nothing is lost, and
what was written can be taken back."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from catalog.importing.history import undoing
from catalog.importing.sources import source_import
from catalog.models import Product, ProductImport, Source
from indexing.ledger import runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.sources import pulling
from indexing.pipeline.sources.import_run import has_requests, start_imports
from indexing.pipeline.sources.pull_schedule import refresh_is_wanted
from indexing.pipeline.sources.source_actions import add_source, undo_last
from indexing.pipeline.worker import LeaseLost, work_on
from indexing.tasks import pull_sources
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
from tests.indexing.shop import add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")
MANY = HEADER + "\n" + "".join(f"p{n},Thing {n},1.00,yes\n" for n in range(30))


class Killed(BaseException):
    """The worker is killed here."""


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "BATCH_SIZE", 10)


def fail_at(monkeypatch: pytest.MonkeyPatch, batch: int, error: BaseException) -> None:
    """Lets the import raise this once, before the given batch."""
    real = source_import.SourceImport.begin_batch
    numbers: Iterator[int] = iter(range(1, 1000))

    def begin_batch(self: Any) -> None:
        if next(numbers) == batch:
            raise error
        real(self)

    monkeypatch.setattr(source_import.SourceImport, "begin_batch", begin_batch)


def test_another_worker_goes_on_with_the_import_of_a_killed_one(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    source = add_source("shop", server.put("/shop.csv", MANY.encode()))
    run = start_imports()
    fail_at(monkeypatch, 3, Killed())
    with pytest.raises(Killed):
        work_on(run)
    assert (Product.objects.count(), last(source).state) == (20, "running")

    assert work_on(start_imports()).state == "succeeded"

    done = source.imports.get()
    assert (done.state, counts(done)) == ("succeeded", (30, 0, 0, 0))
    undo(source)
    assert not Product.objects.exists()


def test_a_worker_is_killed_when_the_import_is_finished(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = add_source("shop", server.put("/shop.csv", SHOP.encode()))
    run = start_imports()

    def add_result(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("indexing.pipeline.sources.import_run._add_result", add_result)
        with pytest.raises(Killed):
            work_on(run)
    Source.objects.update(content_hash="")  # even if that was not stored

    assert work_on(run).state == "succeeded"

    assert counts(source.imports.get()) == (3, 0, 0, 0)


def test_a_cancelled_pull_can_be_taken_back(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    source = add_source("shop", server.put("/shop.csv", MANY.encode()))
    run = start_imports()
    fail_at(monkeypatch, 2, LeaseLost())
    monkeypatch.setattr("indexing.pipeline.worker.Lease.check", lambda lease: runs.cancel_run(run))
    work_on(run)
    monkeypatch.undo()
    assert (Product.objects.count(), last(source).state) == (10, "running")
    assert not has_requests()  # it is not started again at once

    assert pull(source).result.startswith("30 products added")

    undo(source)  # of both parts
    assert not Product.objects.exists()


def test_a_source_that_is_deleted_during_its_pull(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    add_source("shop", server.put("/shop.csv", MANY.encode()))
    monkeypatch.setattr(
        "indexing.pipeline.sources.import_run.record_progress",
        lambda chunk, done: Source.objects.all().delete(),
    )

    run = work_on(start_imports())

    assert run.state == "succeeded"
    assert "The source was deleted during the import" in run.result["imports"][0]
    assert Product.objects.count() == 10
    left = ProductImport.objects.get()
    assert (left.state, left.source, left.name, left.added) == ("failed", None, "shop", 10)
    undo(None)
    assert not Product.objects.exists()


def test_an_unexpected_error_of_one_source_does_not_stop_the_others(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = add_source("bad", server.put("/bad.csv", SHOP.encode()))
    good = add_source("good", server.put("/good.csv", SHOP.encode()))
    fail_at(monkeypatch, 1, DatabaseError("the first one fails"))

    run = work_on(start_imports())

    assert run.state == "succeeded"
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.error, bad.attempts) == ("DatabaseError: the first one fails", 1)
    assert good.result.startswith("3 products added")
    assert not has_requests()


def test_two_pulls_at_once_are_one_run(server: PhotoServer) -> None:
    add_source("shop", server.put("/shop.csv", SHOP.encode()))

    assert start_imports() == start_imports()
    work_on(start_imports())

    assert server.requests == ["/shop.csv"]


def test_the_worker_pulls_what_is_due_and_refreshes(server: PhotoServer, feed: AddFeed) -> None:
    add_products(range(3))
    rebuild()
    source = feed(SHOP)
    assert pull_sources() == "nothing to pull"
    before = IndexingRun.objects.filter(kind="refresh").count()

    server.put("/shop.csv", SHOP.replace("Lamp", "Red lamp").encode())
    Source.objects.update(next_at=timezone.now())
    assert pull_sources() == "succeeded"

    assert IndexingRun.objects.filter(kind="refresh").count() == before + 1
    assert not refresh_is_wanted()
    source.refresh_from_db()
    assert "1 changed" in source.result


def test_a_source_that_is_not_enabled_is_pulled_only_on_demand(feed: AddFeed) -> None:
    source = feed(SHOP)
    Source.objects.update(enabled=False, next_at=timezone.now())
    assert not has_requests()

    assert pull(source, requested_by="anna").next_at is None


def test_an_undo_goes_on_after_its_worker_was_killed(
    server: PhotoServer, feed: AddFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "BATCH_PRODUCTS", 10)
    source = feed(MANY)
    send(server, source, MANY.replace("1.00", "2.00"))
    undo_last(source, "anna")
    real, numbers = undoing._undo_batch, iter(range(10))

    def undo_batch(*arguments: Any) -> int:
        if next(numbers) == 2:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(undoing, "_undo_batch", undo_batch)
    with pytest.raises(Killed):
        work_on(start_imports())
    assert set(prices().values()) == {"1.00", "2.00"}

    assert work_on(start_imports()).state == "succeeded"

    assert set(prices().values()) == {"1.00"}
    assert last(source).state == "undone"


def test_a_pull_reports_its_progress(server: PhotoServer, small_batches: None) -> None:
    add_source("shop", server.put("/shop.csv", MANY.encode()))

    run = work_on(start_imports())

    chunk = Chunk.objects.get(run=run)
    assert (chunk.size, chunk.done) == (31, 30)


def test_a_full_disk_is_a_sentence(server: PhotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdtemp(*arguments: Any, **named: Any) -> str:
        raise OSError(28, "No space left on device")

    source = add_source("shop", server.put("/shop.csv", SHOP.encode()))
    monkeypatch.setattr("tempfile.mkdtemp", mkdtemp)

    source = pull(source)

    assert "No space left on device" in source.error
    assert not Product.objects.exists()
