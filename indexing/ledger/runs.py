"""Runs of the offline side: start, pause, resume, cancel and finish them. Each function is a short
transaction.

The worker alone uses `finish_run` and `lock_run`."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from indexing.ledger import chunk_leases
from indexing.models import Chunk, IndexingRun

State = IndexingRun.State


class RunConflict(Exception):
    """Another run of the kind is unfinished. The message is a sentence that names it."""


def start_run(kind: str, **fields: Any) -> IndexingRun:
    """Starts a run of this kind with these fields, or returns the unfinished run of this kind."""
    try:
        with transaction.atomic():
            return IndexingRun.objects.create(kind=kind, **fields)
    except IntegrityError:
        unfinished = unfinished_runs().filter(kind=kind).first()
        return unfinished or start_run(kind, **fields)


def name_starter(run: IndexingRun, by: str) -> IndexingRun:
    """Records who started a run, unless somebody else has. Returns its present row."""
    IndexingRun.objects.filter(pk=run.pk, started_by="").update(started_by=by[:200])
    run.refresh_from_db()
    return run


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


def is_worked_on(run: IndexingRun) -> bool:
    """Returns whether a worker holds a chunk of the run under a valid lease, and has not died. That
    a worker of another machine has died is known only when its lease expires."""
    held = run.chunks.filter(state=Chunk.State.LEASED, lease_until__gte=timezone.now())
    return any(chunk_leases.may_be_alive(chunk.worker) for chunk in held)


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


def finish_run(run: IndexingRun, state: str, error: str = "") -> None:
    """Ends the run in this state, if it is unfinished."""
    unfinished_runs().filter(pk=run.pk).update(
        state=state, error=error[:2000], finished_at=timezone.now()
    )


def lock_run(run: IndexingRun) -> IndexingRun | None:
    """Locks the run's row and returns its present values, or None if another worker holds the lock.
    Runs within the caller's transaction."""
    return IndexingRun.objects.select_for_update(skip_locked=True).filter(pk=run.pk).first()
