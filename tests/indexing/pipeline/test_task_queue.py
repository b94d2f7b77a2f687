"""The task queue works on runs that are enqueued, abandoned by a dead worker, or scheduled."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from catalog.models import ProductChange
from config.first_start import set_schedules
from indexing import tasks
from indexing.ledger import chunk_leases, runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.refresh import start_refresh
from indexing.tasks import enqueue_run
from tests.indexing.shop import (
    add_product,
    add_products,
    current_images,
    photo,
    rebuild,
    vectors_of,
)
from tests.support.processes import Processes, wait_until


@pytest.mark.slow
@pytest.mark.usefixtures("encoders")
def test_a_cluster_works_on_an_enqueued_run(processes: Processes) -> None:
    add_products(range(5))
    rebuild()
    add_product("new", photo(50))
    cluster = processes.start("qcluster", WORKERS="1")
    run = start_refresh()

    enqueue_run(run)

    wait_until(lambda: IndexingRun.objects.get(pk=run.pk).is_finished)
    assert vectors_of() == current_images()
    assert not ProductChange.objects.exists()
    cluster.terminate()
    cluster.wait(30)


@pytest.mark.usefixtures("empty_shop")
def test_a_run_whose_worker_has_died_is_resumed() -> None:
    # Given a refresh whose only worker died with a chunk under its lease.
    add_products(range(5))
    rebuild()
    add_product("new", photo(50))
    run = start_refresh()
    IndexingRun.objects.filter(pk=run.pk).update(state="running", stage="refresh")
    [product_id] = ProductChange.objects.values_list("product_id", flat=True)
    chunk = Chunk.objects.create(
        run=run, stage="refresh", ordinal=0, size=1, payload={"products": [product_id]}
    )
    chunk_leases.claim_chunk(IndexingRun.objects.get(pk=run.pk), "a worker that dies")
    assert runs.abandoned_runs() == []  # its lease still holds

    Chunk.objects.filter(pk=chunk.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert tasks.join_abandoned_runs() == 1
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert vectors_of() == current_images()


@pytest.mark.usefixtures("empty_shop")
def test_a_paused_run_is_not_abandoned_and_is_enqueued_when_resumed() -> None:
    run = start_refresh()
    assert runs.pause_run(run)

    assert runs.abandoned_runs() == []
    assert tasks.resume_queued_run(run)

    [queued] = OrmQ.objects.all()
    assert (queued.task["func"], queued.task["args"]) == ("indexing.tasks.work_on_run", (run.pk,))
    assert not tasks.resume_queued_run(run)  # it is not paused any more
    assert OrmQ.objects.count() == 1


@pytest.mark.usefixtures("empty_shop")
def test_schedules_are_set_once_and_follow_the_settings(settings: object) -> None:
    set_schedules()
    first = Schedule.objects.get(name="refresh")
    set_schedules()
    assert Schedule.objects.get(name="refresh").next_run == first.next_run

    settings.REFRESH_CRON = "7 3 * * *"  # type: ignore[attr-defined]
    set_schedules()

    changed = Schedule.objects.get(name="refresh")
    assert (changed.cron, changed.next_run.minute, changed.next_run.hour) == ("7 3 * * *", 7, 3)
    assert Schedule.objects.filter(name="join_abandoned_runs").count() == 1
