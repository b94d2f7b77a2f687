"""A real task queue whose workers hang or are killed."""

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from config.first_start import set_schedules
from indexing.models import ImageFailure, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.tasks import enqueue_run
from tests.indexing.embedding.hostile import HANGS
from tests.indexing.shop import add_product, add_products, current_images, photo, vectors_of
from tests.support.processes import Processes, wait_until

pytestmark = pytest.mark.slow  # real processes, real leases that expire


def finished(run: IndexingRun) -> bool:
    run.refresh_from_db()
    return run.is_finished


@pytest.mark.long
def test_a_photo_that_hangs_is_quarantined_in_the_task_queue_too(processes: Processes) -> None:
    # Given a task queue, whose workers are child processes, and a photo that needs a child decoder.
    add_products(range(10))
    bad = add_product("bad", photo(1) + HANGS)
    run = start_rebuild()
    enqueue_run(run)
    cluster = processes.start("qcluster", WORKERS="1", TEST_TIMEOUT_S="3")

    wait_until(lambda: finished(run))

    assert (run.state, run.error) == ("succeeded", ""), processes.log.read_text()
    assert vectors_of() == [row for row in current_images() if row[0] != bad.pk]
    assert ImageFailure.objects.get().quarantined
    # And neither the photo nor the decoder keeps the task queue from stopping.
    cluster.terminate()
    assert cluster.wait(20) == 0


@pytest.mark.long
def test_the_schedule_resumes_a_run_whose_worker_was_killed(processes: Processes) -> None:
    # Given a worker at a terminal that was killed in the middle of a rebuild,
    add_products(range(20))
    processes.pause({"embed": 5})
    run = start_rebuild()
    worker = processes.start("index", "rebuild")
    wait_until(lambda: run.chunks.filter(state="leased").exists())
    os.kill(worker.pid, signal.SIGKILL)
    processes.pause({})

    # when the task queue looks for abandoned runs,
    set_schedules()
    Schedule.objects.exclude(name="join_abandoned_runs").delete()
    # (in three seconds, after the lease of two seconds)
    Schedule.objects.update(next_run=timezone.now() + timedelta(seconds=3))
    processes.start("qcluster", WORKERS="1")

    # then the run is finished.
    wait_until(lambda: finished(run))
    assert (run.state, run.error) == ("succeeded", ""), processes.log.read_text()
    assert vectors_of() == current_images()
