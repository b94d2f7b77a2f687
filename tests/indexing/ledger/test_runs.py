"""Runs can be paused, resumed and cancelled, tell how far they are, and fail with a reason."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from psycopg import sql

from indexing.ledger import runs
from indexing.ledger.chunking import product_ranges
from indexing.models import Chunk, IndexingRun
from indexing.monitoring.freshness import run_progress
from indexing.pipeline import refresh
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.worker import work_on
from tests.indexing.shop import add_product, add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")


def test_there_is_one_unfinished_run_of_a_kind() -> None:
    first = start_refresh()
    assert start_refresh() == first

    runs.cancel_run(first)

    assert start_refresh() != first


def test_a_rebuild_with_other_options_does_not_join_the_one_under_way() -> None:
    start_rebuild("other")

    with pytest.raises(runs.RunConflict, match="under way"):
        start_rebuild("histogram")


def test_a_paused_run_keeps_what_is_done_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    add_products(range(5))
    rebuild()
    monkeypatch.setattr(refresh, "PRODUCTS_PER_CHUNK", 1)
    add_products(range(5, 9))

    def pause_after_two(run: IndexingRun) -> None:
        if run.chunks.filter(state=Chunk.State.DONE).count() == 2:
            runs.pause_run(run)

    run = work_on(start_refresh(), pause_after_two)
    assert run.state == "paused"
    done, total = (run_progress(run)[key] for key in ("done", "total"))
    assert (done, total) == (2, 4)

    runs.resume_run(run)
    run = work_on(run)

    assert run.state == "succeeded"
    assert set(run.chunks.values_list("attempts", flat=True)) == {1}


def test_a_run_cancelled_in_the_middle_of_a_chunk_gives_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_products(range(3))
    run = start_rebuild()
    embed_images = "indexing.pipeline.rebuild.embed_images"

    def cancel(*arguments: Any, **options: Any) -> int:
        runs.cancel_run(run)
        check = arguments[3]
        for _ in range(100):
            import time

            time.sleep(0.05)
            check()
        return 0

    monkeypatch.setattr(embed_images, cancel)
    monkeypatch.setattr("django.conf.settings.CHUNK_LEASE_S", 0.4)

    assert work_on(run).state == "cancelled"


def test_a_chunk_that_fails_three_times_fails_its_run_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_product("a", photo(1))

    def fail(*arguments: Any, **options: Any) -> None:
        raise ValueError("no such luck")

    monkeypatch.setattr("indexing.pipeline.rebuild.embed_images", fail)

    run = work_on(start_rebuild())

    assert (run.state, run.error) == ("failed", "embed: ValueError: no such luck")
    assert run.chunks.get().errors == 3


def test_an_empty_catalogue_is_told_in_a_sentence() -> None:
    run = work_on(start_rebuild())

    assert run.state == "failed"
    assert "nothing to index" in run.error
    with pytest.raises(CommandError, match="index rebuild"):
        call_command("index", "refresh")


def test_progress_counts_images_and_foretells_the_end() -> None:
    run = IndexingRun.objects.create(kind="rebuild", state="running", stage="embed")
    for ordinal, (size, state) in enumerate([(30, "done"), (10, "leased"), (60, "pending")]):
        Chunk.objects.create(run=run, stage="embed", ordinal=ordinal, size=size, state=state)

    progress = run_progress(run)

    assert (progress["done"], progress["total"], progress["eta_s"]) == (30, 100, None)


def test_ranges_are_cut_by_images_and_never_within_a_product() -> None:
    query = sql.SQL("SELECT unnest(ARRAY[1, 1, 1, 2, 3, 3, 5, 8]) AS product_id")

    ranges = list(product_ranges(query, 3))

    assert ranges == [
        ({"first": 1, "last": 1}, 3),
        ({"first": 2, "last": 3}, 3),
        ({"first": 5, "last": 8}, 2),
    ]
