"""Two workers never hold the same chunk, whatever number of workers joins a run."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from indexing.ledger import chunk_leases
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.shop import add_products, current_images, vectors_of
from tests.support.processes import Processes

WORKERS = 8


def run_of(chunks: int) -> IndexingRun:
    run = IndexingRun.objects.create(kind="refresh", state="running", stage="refresh")
    Chunk.objects.bulk_create(
        Chunk(run=run, stage="refresh", ordinal=n, size=1) for n in range(chunks)
    )
    return run


def claim_at_once(run: IndexingRun, claims_each: int) -> list[Chunk]:
    """Returns the chunks that eight workers claim at the same moment."""
    start = threading.Barrier(WORKERS)

    def claim(worker: int) -> list[Chunk | None]:
        try:
            start.wait()
            return [chunk_leases.claim_chunk(run, f"worker {worker}") for _ in range(claims_each)]
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        claimed = [chunk for chunks in pool.map(claim, range(WORKERS)) for chunk in chunks]
    return [chunk for chunk in claimed if chunk is not None]


@pytest.mark.usefixtures("committed_shop")
def test_workers_that_claim_at_once_never_get_the_same_chunk() -> None:
    run = run_of(200)

    claimed = claim_at_once(run, claims_each=30)

    # Each chunk was claimed once, by the worker that the ledger names.
    ledger = dict(run.chunks.values_list("pk", "worker"))
    assert len(claimed) == len({chunk.pk for chunk in claimed})
    assert {chunk.pk: chunk.worker for chunk in claimed} == ledger
    assert not run.chunks.exclude(attempts=1).exists()
    # All chunks were claimed.
    assert len(claimed) == 200
    assert not run.chunks.filter(state=Chunk.State.PENDING).exists()


@pytest.mark.usefixtures("committed_shop")
def test_one_of_several_workers_claims_a_chunk_whose_lease_has_expired() -> None:
    run = run_of(1)
    first = chunk_leases.claim_chunk(run, "the dead one")
    Chunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    [second] = claim_at_once(run, claims_each=1)

    # The second worker holds it, and the first can no longer change it.
    assert (second.attempts, second.worker) == (2, Chunk.objects.get().worker)
    assert not chunk_leases.renew_lease(first)
    assert not chunk_leases.finish_chunk(first)
    chunk_leases.fail_chunk(first, "too late")
    chunk_leases.give_back_chunk(first)
    assert Chunk.objects.filter(state="leased", attempts=2, errors=0, error="").exists()
    assert chunk_leases.renew_lease(second)
    assert chunk_leases.finish_chunk(second)


@pytest.mark.usefixtures("empty_shop")
def test_a_chunk_fails_after_its_workers_have_died_thirty_times() -> None:
    run = run_of(1)

    for _ in range(chunk_leases.MAX_ATTEMPTS):
        assert chunk_leases.claim_chunk(run, "one more").state == Chunk.State.LEASED
        Chunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    last = chunk_leases.claim_chunk(run, "one too many")
    assert (last.state, last.error) == (Chunk.State.FAILED, "Its worker died 30 times.")
    assert chunk_leases.claim_chunk(run, "nobody") is None


@pytest.mark.long
def test_processes_share_a_run_and_perform_each_chunk_once(processes: Processes) -> None:
    count = 4
    add_products(range(50 * count))
    processes.pause({"embed": 0.2})
    run = start_rebuild()

    workers = [
        processes.start("index", "rebuild", CHUNK_LEASE_S="60", CHUNK_IMAGES=str(count))
        for _ in range(count)
    ]

    assert [worker.wait(120) for worker in workers] == [0] * count
    assert vectors_of() == current_images()
    # Each of the fifty chunks of photos, and each of the other chunks, was begun once,
    begun = Counter(processes.begun())
    assert set(begun.values()) == {1}
    assert sum(name.startswith("embed ") for name in begun) == 50
    assert not run.chunks.exclude(attempts=1, errors=0, state=Chunk.State.DONE).exists()
    # and all workers had a share of them.
    shares = Counter(run.chunks.filter(stage="embed").values_list("worker", flat=True))
    assert len(shares) == count
