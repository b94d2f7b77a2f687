"""Operations on the ledger: start, pause and cancel runs; claim, renew and finish chunks. Each is a
short transaction.

Others use `start_run`, `unfinished_runs`, `abandoned_runs`, `cancel_run`, `pause_run` and
`resume_run`; the worker uses the rest."""

import os
import socket
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from indexing.models import Chunk, IndexingRun

MAX_ERRORS = 3  # exceptions that a chunk may raise
MAX_ATTEMPTS = 30  # includes attempts whose worker died

State = IndexingRun.State


class RunConflict(Exception):
    """Another run of the kind is unfinished. The message is a sentence that names it."""


def worker_name() -> str:
    """Returns a unique name for a worker in the ledger: host, process id and a random part."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def start_run(
    kind: str, encoder: str = "", publish: bool = True, at_once: bool = False
) -> IndexingRun:
    """Starts a run of this kind, or returns the unfinished one that exists already."""
    try:
        with transaction.atomic():
            return IndexingRun.objects.create(
                kind=kind, encoder=encoder, publish=publish, at_once=at_once
            )
    except IntegrityError:
        unfinished = unfinished_runs().filter(kind=kind).first()
        return unfinished or start_run(kind, encoder, publish, at_once)


def unfinished_runs() -> QuerySet[IndexingRun]:
    return IndexingRun.objects.filter(state__in=IndexingRun.UNFINISHED)


def abandoned_runs() -> list[IndexingRun]:
    """Returns unfinished runs, except paused ones, of which no worker holds a chunk under a valid
    lease."""
    held = Chunk.objects.filter(
        run=OuterRef("pk"), state=Chunk.State.LEASED, lease_until__gte=timezone.now()
    )
    waiting = unfinished_runs().exclude(state=State.PAUSED).filter(~Exists(held)).order_by("pk")
    with transaction.atomic():  # a run whose row is locked is being planned by a worker
        return list(waiting.select_for_update(skip_locked=True))


def cancel_run(run: IndexingRun) -> bool:
    """Cancels a run. Workers give up its chunks at their next step. Returns False if the run has
    already finished."""
    return bool(
        unfinished_runs()
        .filter(pk=run.pk)
        .update(state=State.CANCELLED, finished_at=timezone.now())
    )


def pause_run(run: IndexingRun) -> bool:
    """Pauses a run. Returns False unless it is queued or running."""
    return bool(
        IndexingRun.objects.filter(pk=run.pk, state__in=[State.QUEUED, State.RUNNING]).update(
            state=State.PAUSED
        )
    )


def resume_run(run: IndexingRun) -> bool:
    """Lets a paused run go on. Returns False if it is not paused."""
    return bool(
        IndexingRun.objects.filter(pk=run.pk, state=State.PAUSED).update(state=State.QUEUED)
    )


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
        .filter(run__state=State.RUNNING)
        .update(lease_until=timezone.now() + _lease_duration())
    )


def finish_chunk(chunk: Chunk) -> bool:
    """Marks the chunk as done. Returns False if the worker no longer holds it."""
    return bool(
        _held_chunk(chunk).update(state=Chunk.State.DONE, finished_at=timezone.now(), error="")
    )


def give_back_chunk(chunk: Chunk) -> None:
    """Returns the chunk to the other workers without counting the attempt, because its run was
    paused or its worker is stopping."""
    _held_chunk(chunk).update(state=Chunk.State.PENDING, attempts=F("attempts") - 1)


def fail_chunk(chunk: Chunk, error: str) -> None:
    """Records an error of the chunk. The chunk is tried again until it has failed MAX_ERRORS
    times."""
    is_last = chunk.errors + 1 >= MAX_ERRORS
    _held_chunk(chunk).update(
        state=Chunk.State.FAILED if is_last else Chunk.State.PENDING,
        errors=F("errors") + 1,
        error=error[:2000],
    )


def finish_run(run: IndexingRun, state: str, error: str = "") -> None:
    """Ends the run in this state, if it is unfinished."""
    unfinished_runs().filter(pk=run.pk).update(
        state=state, error=error[:2000], finished_at=timezone.now()
    )


def lock_run(run: IndexingRun) -> IndexingRun | None:
    """Locks the run's row and returns its present values, or None if another worker holds the lock.
    Runs within the caller's transaction."""
    return IndexingRun.objects.select_for_update(skip_locked=True).filter(pk=run.pk).first()


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
