"""Workers are killed during a training of recommendations: another one finishes it, and no request
ever sees half a model."""

import signal

import pytest
from django.db import connection
from django.utils import timezone

from catalog.index.factor_store import has_graph, live_factors, read_factors
from catalog.models import Event, FactorModel, Product
from indexing.models import IndexingRun
from indexing.pipeline.recommendation_run import start_recommendations
from indexing.recommendations.synthetic_history import make_history
from tests.indexing.shop import add_products
from tests.support.processes import Processes, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]  # real processes, real leases that expire

PRODUCTS, SHOPPERS = 150, 600
TRAIN = ("recommendations", "-v", "0", "train")
State = FactorModel.State


@pytest.fixture
def processes(processes: Processes) -> Processes:
    """Processes on a shop with an index and a history."""
    Event.objects.all().delete()
    FactorModel.objects.all().delete()
    add_products(range(PRODUCTS))
    assert processes.run("index", "rebuild", CHUNK_IMAGES="100") == 0
    ids = sorted(Product.objects.values_list("pk", flat=True))[:-10]
    Event.objects.insert_once(
        [
            Event(at=e.at, type=e.type, product_id=e.product_id, user=e.user)
            for e in make_history(ids, SHOPPERS, 60, timezone.now())
        ]
    )
    return processes


def factor_tables() -> set[str]:
    names = connection.introspection.table_names()
    return {name for name in names if name.startswith("catalog_factor_m")}


def assert_whole(run: IndexingRun) -> None:
    """Asserts that the run has succeeded, and that its model is live, whole and the only one."""
    run.refresh_from_db()
    assert (run.state, run.error) == ("succeeded", "")
    [model] = FactorModel.objects.exclude(state=State.DROPPED)
    assert (model.state, model.pk) == (State.LIVE, run.result["model"])
    assert live_factors() == model
    assert has_graph(model)
    ids = list(Product.objects.values_list("pk", flat=True))
    assert len(read_factors(model, ids)) == PRODUCTS
    assert factor_tables() == {model.factor_table}


def test_another_worker_finishes_a_training_that_was_killed_in_the_middle(
    processes: Processes,
) -> None:
    run = start_recommendations()
    worker = processes.start(*TRAIN)
    wait_until(FactorModel.objects.filter(state=State.BUILDING).exists)
    processes.kill(worker)  # while it measures and trains

    half = FactorModel.objects.get()
    assert live_factors() is None
    run.refresh_from_db()
    assert (run.state, run.result) == ("running", {})

    assert processes.run(*TRAIN) == 0

    assert_whole(run)
    half.refresh_from_db()
    assert half.state == State.DROPPED
    assert run.chunks.get(stage="learn").attempts == 2


def test_a_stage_is_done_again_if_its_worker_dies_before_it_records_it(
    processes: Processes,
) -> None:
    run = start_recommendations()
    deaths = 0
    while processes.run(*TRAIN, TEST_DIES_AFTER="learn graph publish") == -signal.SIGKILL:
        deaths += 1
        assert FactorModel.objects.filter(state=State.LIVE).exists() == (deaths == 3)

    assert deaths == 3
    assert_whole(run)
