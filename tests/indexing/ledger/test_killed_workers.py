"""Workers are killed at any moment of a rebuild: nothing is lost, or done twice to any effect."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from catalog.index.live_index import live_generation
from catalog.models import ProductChange
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.shop import add_products, embedded, images_now, vectors_of
from tests.processes import Processes, wait_until

pytestmark = pytest.mark.slow  # real processes, real leases that run out

LEASE = timedelta(seconds=3)
STAGES = ("embed", "project", "vectors", "graph", "catch_up", "evaluate", "publish")


def assert_index_is_whole(run: IndexingRun) -> None:
    """Every photo has one embedding and one vector, of its content; every chunk is done."""
    run.refresh_from_db()
    live = live_generation()
    assert (run.state, run.error) == ("succeeded", "")
    assert live is not None
    assert live == run.generation
    assert embedded(live.encoder_id) == images_now()
    assert vectors_of(live) == images_now()
    assert set(run.chunks.values_list("state", flat=True)) == {Chunk.State.DONE}


def held_chunk(run: IndexingRun, stage: str) -> Chunk | None:
    held = run.chunks.filter(stage=stage, state=Chunk.State.LEASED, lease_until__gt=now())
    return held.order_by("?").first()


def now() -> datetime:
    return timezone.now()


class Crew:
    """Three workers on a run; whoever is killed is replaced."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._workers: dict[int, subprocess.Popen[str]] = {}
        for _ in range(3):
            self._hire()

    def kill_holder_of(self, chunk: Chunk) -> bool:
        """kill -9 of the worker that holds the chunk; False when it has let go of it already."""
        pid = int(chunk.worker.split(":")[1])
        if pid not in self._workers:
            return False
        self._processes.kill(self._workers.pop(pid))
        self._hire()
        return True

    def assemble(self) -> None:
        """Waits until the new one is there too: leases are measured, not how Python starts."""
        wait_until(lambda: self._workers.keys() <= self._processes.ready())

    def _hire(self) -> None:
        worker = self._processes.start("index", "rebuild", CHUNK_LEASE_S=str(LEASE.total_seconds()))
        self._workers[worker.pid] = worker

    def wait(self) -> None:
        for worker in self._workers.values():
            assert worker.wait(60) == 0


def test_twenty_kills_at_random_moments_of_one_rebuild(processes: Processes) -> None:
    random.seed(20)
    # Given 300 photos, and stages so slow that any of their moments may be hit.
    add_products(range(300))
    processes.pause({"embed": 0.6})
    run = start_rebuild()
    crew = Crew(processes)
    killed: list[tuple[Chunk, datetime]] = []
    for number, stage in enumerate(["embed"] * 14 + list(STAGES[1:])):
        if stage != "embed":
            processes.pause({stage: 1.5})
        if stage == "vectors":  # the catalogue does not stand still meanwhile
            [late] = add_products([1000])

        # When the worker of a chunk is killed while it is at it, twenty times,
        chunk = None
        crew.assemble()
        while chunk is None or not crew.kill_holder_of(chunk):
            wait_until(lambda stage=stage: held_chunk(run, stage))
            time.sleep(random.uniform(0, 1))
            chunk = wait_until(lambda stage=stage: held_chunk(run, stage))
        killed.append((chunk, now()))
        print(f"kill {number + 1}: {chunk}, attempt {chunk.attempts}")
    processes.pause({})
    crew.wait()

    # then nothing is lost and nothing doubled,
    assert len(killed) == 20
    assert_index_is_whole(run)
    assert ProductChange.objects.get().product_id == late.pk  # its tags are the next refresh's
    attempts = sum(run.chunks.values_list("attempts", flat=True))
    assert attempts <= run.chunks.count() + 20
    assert not run.chunks.exclude(errors=0).exists()
    # and each chunk that lost its worker was taken up again within two leases (one whose worker was
    # killed in the moment after it was done had no need to be).
    begun = {(chunk.pk, chunk.attempts): chunk.started_at for chunk, _ in killed}
    begun |= {(chunk.pk, chunk.attempts): chunk.started_at for chunk in run.chunks.all()}
    again = [(begun.get((chunk.pk, chunk.attempts + 1)), at) for chunk, at in killed]
    waits = [at_last - at for at_last, at in again if at_last is not None]
    assert len(waits) >= 10
    assert max(waits) < 2 * LEASE


def test_a_worker_that_dies_having_done_a_chunk_of_any_stage_but_not_said_so(
    processes: Processes,
) -> None:
    add_products(range(60))
    run = start_rebuild()

    # When the worker of the first chunk of each stage dies after the work, before the ledger knows,
    deaths = 0
    while processes.run("index", "rebuild", TEST_DIES_AFTER=" ".join(STAGES)) == -signal.SIGKILL:
        deaths += 1

    # then it is done again, to the same effect.
    assert deaths == len(STAGES) - 1  # nothing had changed meanwhile: nothing to catch up with
    assert_index_is_whole(run)
    assert not ProductChange.objects.exists()
    redone = Counter(run.chunks.filter(attempts=2).values_list("stage", flat=True))
    assert redone == dict.fromkeys([stage for stage in STAGES if stage != "catch_up"], 1)


def test_a_refresh_survives_the_death_of_its_worker_too(processes: Processes) -> None:
    add_products(range(30))
    assert processes.run("index", "rebuild") == 0
    add_products(range(100, 110))

    died = processes.run("index", "refresh", TEST_DIES_AFTER="refresh repair")
    ended = processes.run("index", "refresh")

    assert (died, ended) == (-signal.SIGKILL, 0)
    assert vectors_of() == images_now()
    assert not ProductChange.objects.exists()


def test_a_frozen_worker_whose_lease_ran_out_does_no_harm_when_it_wakes(
    processes: Processes,
) -> None:
    # Given a worker that freezes in the middle of a chunk,
    add_products(range(40))
    processes.pause({"embed": 1.0})
    run = start_rebuild()
    frozen = processes.start("index", "rebuild")
    chunk = wait_until(lambda: held_chunk(run, "embed"))
    os.kill(frozen.pid, signal.SIGSTOP)

    # and another that does all the work, that chunk included, once the lease has run out,
    processes.pause({})
    assert processes.run("index", "rebuild") == 0
    assert_index_is_whole(run)
    chunk.refresh_from_db()
    assert chunk.attempts == 2

    # when the first wakes up,
    before = list(run.chunks.values())
    os.kill(frozen.pid, signal.SIGCONT)

    # then it sees that all is done, and leaves all as it is.
    assert frozen.wait(60) == 0
    assert_index_is_whole(run)
    assert list(run.chunks.values()) == before
