"""What a worker does that was frozen, and wakes when others have done its work and more."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection

from catalog.index.live_index import live_generation
from catalog.models import Generation, Projection
from indexing.generations import publishing
from indexing.models import Chunk, IndexingRun
from indexing.pipeline import rebuild
from indexing.vectors.table_ddl import build_graph, graph_is_valid
from tests.indexing import shop


def check() -> None:
    """A worker that was frozen learns of its lease too late."""


def chunk_of(run: IndexingRun, stage: str) -> Chunk:
    return run.chunks.get(stage=stage, ordinal=0)


@pytest.fixture
def run() -> IndexingRun:
    """A rebuild that others have finished."""
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
def test_a_stage_done_once_more_after_the_end_changes_nothing(
    run: IndexingRun, stage: str, perform: Callable[..., None]
) -> None:
    before = list(Generation.objects.values()), shop.vectors_of()

    perform(chunk_of(run, stage), check)

    assert (list(Generation.objects.values()), shop.vectors_of()) == before
    assert shop.skus(shop.photo(3))[0] == "00003"


@pytest.mark.usefixtures("empty_shop")
def test_a_late_publisher_does_not_undo_a_rollback(run: IndexingRun) -> None:
    second = shop.rebuild()
    publishing.roll_back()

    rebuild.perform_publish(chunk_of(second, "publish"), check)

    assert live_generation() == run.generation


@pytest.mark.usefixtures("empty_shop")
def test_a_late_projection_does_not_take_the_place_of_the_one_in_use(
    run: IndexingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that began to fit a projection when there was none yet, and ends after others.
    live = live_generation()
    assert live is not None
    used = live.projection_id

    def freeze(run: IndexingRun) -> Generation:
        seen = Generation.objects.select_related("encoder").get(indexingrun=run)
        seen.projection = None
        return seen

    monkeypatch.setattr(rebuild, "_generation", freeze)

    rebuild.perform_project(chunk_of(run, "project"), check)

    assert Generation.objects.get(pk=live.pk).projection_id == used
    assert Projection.objects.count() == 1


@pytest.mark.usefixtures("committed_shop")
def test_two_workers_that_build_one_graph_at_once_leave_one_that_is_valid() -> None:
    # Given a table with its vectors, and a worker whose build goes on in the database.
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
            build_graph(generation)
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
    assert graph_is_valid(generation)


@pytest.mark.usefixtures("empty_shop")
def test_a_graph_missing_from_a_generation_is_built_and_until_then_it_is_not_published(
    run: IndexingRun,
) -> None:
    built = shop.rebuild(publish=False).generation
    assert built is not None
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {built.vector_table}_graph")

    with pytest.raises(publishing.PublishingError, match="no valid graph"):
        publishing.publish_generation(built)
    build_graph(built)

    assert publishing.publish_generation(built) == live_generation()


@pytest.mark.usefixtures("empty_shop")
def test_a_search_whose_generation_is_dropped_under_it_asks_the_new_one(
    run: IndexingRun, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a search that has encoded its photo when its generation is replaced twice and dropped.
    from search import photo_search

    settings.KEPT_GENERATIONS = 1
    embed_query, replaced = photo_search.embed_query, []

    def embed_slowly(*arguments: Any) -> tuple[np.ndarray, np.ndarray | None]:
        encoded = embed_query(*arguments)
        while len(replaced) < 2:
            replaced.append(shop.rebuild("other").generation)
        return encoded

    monkeypatch.setattr(photo_search, "embed_query", embed_slowly)

    answer = shop.found(shop.photo(7))

    assert Generation.objects.get(pk=run.generation_id).state == "dropped"
    assert answer.generation == replaced[-1] == live_generation()
    assert answer.results[0].product.sku == "00007"
    assert answer.results[0].score == pytest.approx(1, abs=0.01)
