"""A frozen worker that wakes after other workers have done its chunk changes nothing."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection

from catalog.index.live_index import live_generation
from catalog.index.vector_store import vector_store
from catalog.models import Generation, Projection
from indexing.generations import publishing
from indexing.ledger import runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline import rebuild
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from tests.indexing import shop
from tests.indexing.histogram_encoder import HistogramEncoder


def check() -> None:
    """Never raises, as for a worker that learns too late that it has lost its lease."""


def chunk_of(run: IndexingRun, stage: str) -> Chunk:
    return run.chunks.get(stage=stage, ordinal=0)


@pytest.fixture
def run() -> IndexingRun:
    """A rebuild that other workers have finished."""
    shop.add_products(range(20))
    return shop.rebuild()


@pytest.mark.usefixtures("empty_shop")
@pytest.mark.parametrize(
    ("stage", "perform"),
    [
        ("embed", rebuild.perform_embed),
        ("project", rebuild.perform_project),
        ("vectors", rebuild.perform_vectors),
        ("graph", rebuild.perform_graph),
        ("publish", rebuild.perform_publish),
    ],
)
def test_a_stage_performed_again_after_the_run_has_ended_changes_nothing(
    run: IndexingRun, stage: str, perform: Callable[..., None]
) -> None:
    before = list(Generation.objects.values()), shop.vectors_of()

    perform(chunk_of(run, stage), check)

    assert (list(Generation.objects.values()), shop.vectors_of()) == before
    assert shop.found_skus(shop.photo(3))[0] == "00003"


@pytest.mark.usefixtures("empty_shop")
def test_a_late_publisher_does_not_undo_a_rollback(run: IndexingRun) -> None:
    second = shop.rebuild()
    publishing.roll_back()

    rebuild.perform_publish(chunk_of(second, "publish"), check)

    assert live_generation() == run.generation


@pytest.mark.usefixtures("empty_shop")
def test_a_late_projection_does_not_replace_the_one_in_use() -> None:
    # Given a rebuild that is about to fit its projection.
    shop.add_products(range(20))
    run = work_on(start_rebuild(), pause_before_projecting)
    assert run.stage == "project"

    # When a worker has fitted it, and others finish the run before this worker can store it,
    def finish_run() -> None:
        runs.resume_run(run)
        assert work_on(run).state == "succeeded"

    rebuild.perform_project(chunk_of(run, "project"), finish_run)

    # then there is one projection, and the vectors were made with it.
    live = live_generation()
    assert live is not None
    assert Projection.objects.get() == live.projection
    assert shop.found_skus(shop.photo(3))[0] == "00003"


def pause_before_projecting(run: IndexingRun) -> None:
    if run.stage == "project":
        runs.pause_run(run)


@pytest.mark.usefixtures("committed_shop")
@pytest.mark.long
def test_two_workers_that_build_the_same_graph_at_once_leave_a_valid_graph() -> None:
    # Given a vector table without its graph.
    shop.add_products(range(300))
    generation = shop.rebuild(publish=False).generation
    assert generation is not None
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {generation.vector_table}_graph")
    start = threading.Barrier(2)
    errors: list[Exception] = []

    def build() -> None:
        try:
            start.wait()
            vector_store().build_graph(generation)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    builders = [threading.Thread(target=build) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()

    assert errors == []
    assert vector_store().graph_is_valid(generation)


@pytest.mark.usefixtures("empty_shop")
def test_a_generation_is_published_only_after_its_missing_graph_is_built(
    run: IndexingRun,
) -> None:
    built = shop.rebuild(publish=False).generation
    assert built is not None
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {built.vector_table}_graph")

    with pytest.raises(publishing.PublishingError, match="no valid graph"):
        publishing.publish_generation(built)
    vector_store().build_graph(built)

    assert publishing.publish_generation(built) == live_generation()


class InterruptedEncoder(HistogramEncoder):
    """Calls `interrupt` once, after it has encoded the first photo."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        super().__init__("histogram")
        self._interrupts = [interrupt]

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        encoded = super().encode_pixels(pixels)
        while self._interrupts:
            self._interrupts.pop()()
        return encoded


@pytest.mark.usefixtures("empty_shop")
def test_a_search_whose_generation_is_dropped_meanwhile_answers_from_the_new_one(
    run: IndexingRun, settings: Any, encoders: dict[str, HistogramEncoder]
) -> None:
    # Given a generation that is replaced twice and dropped while a search encodes its photo, of a
    # product that no other test has: a photo searched for before would not be encoded again.
    settings.KEPT_GENERATIONS = 1
    shop.add_products([31_107])

    def replace_twice() -> None:
        shop.rebuild("other")
        shop.rebuild("other")

    encoders["histogram"] = InterruptedEncoder(replace_twice)

    answer = shop.search_by_photo(shop.photo(31_107))

    assert Generation.objects.get(pk=run.generation_id).state == "dropped"
    assert answer.generation == live_generation()
    assert answer.generation.encoder.name == "other"
    assert answer.results[0].product.sku == "31107"
    assert answer.results[0].score == pytest.approx(1, abs=0.1)
