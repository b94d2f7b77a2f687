"""Workers are killed at any moment of a run: nothing is lost, and nothing is duplicated."""

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
from tests.indexing.shop import add_products, current_images, embedded_images, vectors_of
from tests.support.processes import Processes, wait_until

pytestmark = pytest.mark.slow  # real processes, real leases that expire

LEASE = timedelta(seconds=3)
STAGES = (
    *("embed", "calibrate_tags", "tag", "project", "vectors", "graph", "catch_up", "evaluate"),
    "publish",
)


def assert_index_is_whole(run: IndexingRun) -> None:
    """Asserts that every photo has one embedding and one vector of its content, and that every
    chunk is done."""
    run.refresh_from_db()
    live = live_generation()
    assert (run.state, run.error) == ("succeeded", "")
    assert live is not None
    assert live == run.generation
    assert embedded_images(live.encoder_id) == current_images()
    assert vectors_of(live) == current_images()
    assert set(run.chunks.values_list("state", flat=True)) == {Chunk.State.DONE}


def held_chunk(run: IndexingRun, stage: str) -> Chunk | None:
    """Returns a random chunk of the stage that a worker holds, or None."""
    held = run.chunks.filter(stage=stage, state=Chunk.State.LEASED, lease_until__gt=timezone.now())
    return held.order_by("?").first()


class Crew:
    """Three workers on a run. A worker that is killed is replaced."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._workers: dict[int, subprocess.Popen[str]] = {}
        for _ in range(3):
            self._hire()

    def kill_a_worker(self, run: IndexingRun, stage: str) -> Chunk:
        """Kills a worker at a random moment of a chunk of the stage, and returns the chunk."""
        # Waits for all workers first: leases are measured, not the start of Python.
        wait_until(lambda: self._workers.keys() <= self._processes.ready())
        while True:
            wait_until(lambda: held_chunk(run, stage))
            time.sleep(random.uniform(0, 1))
            chunk = wait_until(lambda: held_chunk(run, stage))
            if self._kill_holder_of(chunk):
                return chunk

    def _kill_holder_of(self, chunk: Chunk) -> bool:
        """Sends SIGKILL to the worker that holds the chunk. Returns False if this was a worker that
        has been killed before."""
        pid = int(chunk.worker.split(":")[1])
        if pid not in self._workers:
            return False
        self._processes.kill(self._workers.pop(pid))
        self._hire()
        return True

    def _hire(self) -> None:
        lease = str(LEASE.total_seconds())
        worker = self._processes.start("index", "rebuild", CHUNK_LEASE_S=lease, CHUNK_IMAGES="1")
        self._workers[worker.pid] = worker

    def wait(self) -> None:
        for worker in self._workers.values():
            assert worker.wait(60) == 0


@pytest.mark.long
@pytest.mark.alone  # it measures how long chunks wait for another worker
def test_a_rebuild_survives_kills_of_its_workers_at_random_moments(
    processes: Processes, long_run: bool
) -> None:
    random.seed(20)
    # Given photos, and stages that are slow enough to be interrupted at any moment.
    add_products(range(300 if long_run else 90))
    stages = ["embed"] * (14 if long_run else 2) + list(STAGES[1:])
    processes.pause({"embed": 1})
    run = start_rebuild()
    crew = Crew(processes)
    killed: list[tuple[Chunk, datetime]] = []
    for number, stage in enumerate(stages):
        if stage != "embed":
            processes.pause({stage: 1.5})
        if stage == "vectors":  # the catalogue changes during the run
            [late] = add_products([1000])

        # When a worker is killed while it works on a chunk, once a stage or more,
        chunk = crew.kill_a_worker(run, stage)
        killed.append((chunk, timezone.now()))
        print(f"kill {number + 1}: {chunk}, attempt {chunk.attempts}")
    processes.pause({})
    crew.wait()

    # then nothing is lost or duplicated,
    assert_index_is_whole(run)
    assert ProductChange.objects.get().product_id == late.pk  # the next refresh tags it
    attempts = sum(run.chunks.values_list("attempts", flat=True))
    assert attempts <= run.chunks.count() + len(killed)
    assert not run.chunks.exclude(errors=0).exists()
    # and each chunk that lost its worker before it was done was claimed again within two leases.
    waits = waits_for_the_next_attempt(run, killed)
    assert len(waits) >= len(killed) // 2
    assert max(waits) < 2 * LEASE


def waits_for_the_next_attempt(
    run: IndexingRun, killed: list[tuple[Chunk, datetime]]
) -> list[timedelta]:
    """Returns the time from each kill to the start of the chunk's next attempt, if there was
    one."""
    attempts = [*(chunk for chunk, _ in killed), *run.chunks.all()]
    begun = {(chunk.pk, chunk.attempts): chunk.started_at for chunk in attempts}
    again = [(begun.get((chunk.pk, chunk.attempts + 1)), at) for chunk, at in killed]
    return [started_at - at for started_at, at in again if started_at is not None]


@pytest.mark.long
def test_a_chunk_is_done_again_if_its_worker_dies_before_it_records_the_chunk(
    processes: Processes,
) -> None:
    add_products(range(60))
    run = start_rebuild()

    # When a worker of each stage dies after it has done a chunk and before the ledger records it,
    deaths = 0
    while processes.run("index", "rebuild", TEST_DIES_AFTER=" ".join(STAGES)) == -signal.SIGKILL:
        deaths += 1

    # then the chunk is done again, with the same result.
    assert deaths == len(STAGES) - 1  # nothing has changed, so there is nothing to catch up with
    assert_index_is_whole(run)
    assert not ProductChange.objects.exists()
    redone = Counter(run.chunks.filter(attempts=2).values_list("stage", flat=True))
    assert redone == dict.fromkeys([stage for stage in STAGES if stage != "catch_up"], 1)


@pytest.mark.long
def test_a_refresh_survives_the_death_of_its_worker(processes: Processes) -> None:
    add_products(range(30))
    assert processes.run("index", "rebuild") == 0
    add_products(range(100, 110))

    died = processes.run("index", "refresh", TEST_DIES_AFTER="refresh repair")
    ended = processes.run("index", "refresh")

    assert (died, ended) == (-signal.SIGKILL, 0)
    assert vectors_of() == current_images()
    assert not ProductChange.objects.exists()


@pytest.mark.long
def test_a_frozen_worker_whose_lease_has_expired_changes_nothing_when_it_wakes(
    processes: Processes,
) -> None:
    # Given a worker that freezes in the middle of a chunk,
    add_products(range(40))
    processes.pause({"embed": 1.0})
    run = start_rebuild()
    frozen = processes.start("index", "rebuild")
    chunk = wait_until(lambda: held_chunk(run, "embed"))
    os.kill(frozen.pid, signal.SIGSTOP)

    # and another worker that does all chunks, including this one after the lease has expired,
    processes.pause({})
    assert processes.run("index", "rebuild") == 0
    assert_index_is_whole(run)
    chunk.refresh_from_db()
    assert chunk.attempts == 2

    # when the first wakes up,
    before = list(run.chunks.values())
    os.kill(frozen.pid, signal.SIGCONT)

    # then it changes nothing, because everything is done.
    assert frozen.wait(60) == 0
    assert_index_is_whole(run)
    assert list(run.chunks.values()) == before
