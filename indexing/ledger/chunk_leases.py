"""Leases of chunks: claim a chunk, renew its lease, and finish it, fail it or give it back. Each
function is a short transaction. The worker uses them."""

import os
import socket
import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from indexing.models import Chunk, IndexingRun

MAX_ERRORS = 3  # exceptions that a chunk may raise
MAX_ATTEMPTS = 30  # includes attempts whose worker died


def worker_name() -> str:
    """Returns a unique name for a worker in the ledger: host, process id and a random part."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def may_be_alive(worker: str) -> bool:
    """Returns False if the process of this name was on this machine and has ended."""
    host, pid, _ = worker.rsplit(":", 2)
    return host != socket.gethostname()[:60] or Path(f"/proc/{pid}").exists()


def claim_chunk(run: IndexingRun, worker: str) -> Chunk | None:
    """Leases the next free chunk of the run's stage to `worker`, and counts the attempt. Returns
    None if there is no free chunk. Two workers never hold the same chunk. After MAX_ATTEMPTS
    attempts, the chunk is returned as failed."""
    with transaction.atomic():
        now = timezone.now()
        chunk = (
            run.chunks.select_for_update(skip_locked=True)
            .filter(stage=run.stage)
            .filter(Q(state=Chunk.State.PENDING) | Q(state=Chunk.State.LEASED, lease_until__lt=now))
            .order_by("ordinal")
            .first()
        )
        if chunk is None:
            return None
        chunk.attempts += 1
        chunk.worker, chunk.lease_until = worker, now + _lease_duration()
        chunk.started_at = now
        chunk.state = Chunk.State.LEASED
        if chunk.attempts > MAX_ATTEMPTS:
            chunk.state = Chunk.State.FAILED
            chunk.error = f"Its worker died {MAX_ATTEMPTS} times."
        chunk.save()
        return chunk


def renew_lease(chunk: Chunk) -> bool:
    """Extends the lease. Returns False if the worker no longer holds the chunk, or if its run was
    paused or cancelled."""
    return bool(
        _held_chunk(chunk)
        .filter(run__state=IndexingRun.State.RUNNING)
        .update(lease_until=timezone.now() + _lease_duration())
    )


def record_progress(chunk: Chunk, done: int) -> None:
    """Records how much of a long chunk is done."""
    _held_chunk(chunk).update(done=done)


def hold_chunk(chunk: Chunk) -> bool:
    """Keeps others from claiming the chunk until the transaction ends. Returns False if the worker
    no longer holds it: then it must not publish what it has done."""
    return _held_chunk(chunk).select_for_update().exists()


def finish_chunk(chunk: Chunk) -> bool:
    """Marks the chunk as done. Returns False if the worker no longer holds it."""
    return bool(
        _held_chunk(chunk).update(state=Chunk.State.DONE, finished_at=timezone.now(), error="")
    )


def give_back_chunk(chunk: Chunk) -> None:
    """Returns the chunk to the other workers without counting the attempt, because its run was
    paused or its worker is stopping."""
    _held_chunk(chunk).update(state=Chunk.State.PENDING, attempts=F("attempts") - 1)


def fail_chunk(chunk: Chunk, error: str, for_good: bool = False) -> None:
    """Records an error of the chunk. The chunk is tried again until it has failed MAX_ERRORS times,
    or never if it has failed `for_good`."""
    is_last = for_good or chunk.errors + 1 >= MAX_ERRORS
    _held_chunk(chunk).update(
        state=Chunk.State.FAILED if is_last else Chunk.State.PENDING,
        errors=F("errors") + 1,
        error=error[:2000],
    )


def _held_chunk(chunk: Chunk) -> QuerySet[Chunk]:
    """Returns a query of the chunk's row. It is empty if this attempt no longer holds the chunk."""
    return Chunk.objects.filter(
        pk=chunk.pk,
        state=Chunk.State.LEASED,
        worker=chunk.worker,
        attempts=chunk.attempts,
    )


def _lease_duration() -> timedelta:
    return timedelta(seconds=settings.CHUNK_LEASE_S)
