"""Runs can be paused, resumed and cancelled, report their progress, and fail with a reason."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from indexing.ledger import runs
from indexing.ledger.chunking import product_ranges
from indexing.models import Chunk, IndexingRun
from indexing.monitoring.freshness import run_progress
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.worker import work_on
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, add_products, photo

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


def test_a_paused_run_keeps_what_is_done_and_goes_on(settings: Any) -> None:
    # Given a run with four chunks of photos, which is paused after two of them.
    settings.CHUNK_IMAGES = 1
    add_products(range(4))

    def pause_after_two(run: IndexingRun) -> None:
        if run.chunks.filter(state=Chunk.State.DONE).count() == 2:
            runs.pause_run(run)

    run = work_on(start_rebuild(), pause_after_two)
    assert (run.state, run.stage) == ("paused", "embed")
    done, total = (run_progress(run)[key] for key in ("done", "total"))
    assert (done, total) == (2, 4)

    runs.resume_run(run)
    run = work_on(run)

    assert run.state == "succeeded"
    assert set(run.chunks.values_list("attempts", flat=True)) == {1}


class CallingEncoder(HistogramEncoder):
    """Calls `call` before it encodes a photo."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__("histogram")
        self._call = call

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self._call()
        return super().encode_pixels(pixels)


@pytest.mark.usefixtures("committed_shop")
def test_a_run_cancelled_in_the_middle_of_a_chunk_gives_it_back(
    settings: Any, encoders: dict[str, HistogramEncoder]
) -> None:
    # Given a worker that renews its lease ten times a second and encodes a photo,
    settings.CHUNK_LEASE_S = 0.4
    add_products(range(3))
    run = start_rebuild()

    # when the run is cancelled,
    def cancel() -> None:
        try:
            runs.cancel_run(run)
        finally:
            connection.close()
        time.sleep(1)

    encoders["histogram"] = CallingEncoder(cancel)
    run = work_on(run)

    # then the worker gives the chunk back, and no attempt is counted.
    assert run.state == "cancelled"
    chunk = run.chunks.get()
    assert (chunk.state, chunk.attempts, chunk.errors) == ("pending", 0, 0)


def test_a_chunk_that_fails_three_times_fails_its_run_with_the_reason(
    encoders: dict[str, HistogramEncoder],
) -> None:
    def fail() -> None:
        raise ValueError("no such luck")

    add_product("a", photo(1))
    encoders["histogram"] = CallingEncoder(fail)

    run = work_on(start_rebuild())

    assert (run.state, run.error) == ("failed", "embed: ValueError: no such luck")
    assert run.chunks.get().errors == 3


def test_a_run_on_an_empty_catalogue_fails_with_a_sentence() -> None:
    run = work_on(start_rebuild())

    assert run.state == "failed"
    assert "nothing to index" in run.error
    with pytest.raises(CommandError, match="index rebuild"):
        call_command("index", "refresh")


def test_progress_counts_images_and_has_no_estimate_before_a_chunk_starts() -> None:
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
