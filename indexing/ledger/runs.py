"""The ledger's operations: starting, claiming, renewing, finishing. Short transactions, no work.

Others use `start_run`, `cancel_run`, `pause_run`, `resume_run`; `worker.py` uses the rest."""

import os
import socket
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from indexing.models import Chunk, IndexingRun

MAX_ERRORS = 3  # exceptions raised by a chunk
MAX_ATTEMPTS = 30  # these count workers that died as well

State = IndexingRun.State


class RunConflict(Exception):
    """Another run is in the way; the message is a sentence that says which."""


def worker_name() -> str:
    """Names one worker in the ledger: host, process, and a part no other worker ever had."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def start_run(
    kind: str, encoder: str = "", publish: bool = True, at_once: bool = False
) -> IndexingRun:
    """A new run, or the unfinished one of that kind that there is already."""
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
    """Unfinished runs, not paused, of which no worker holds a chunk under a lease that is good."""
    held = Chunk.objects.filter(
        run=OuterRef("pk"), state=Chunk.State.LEASED, lease_until__gte=timezone.now()
    )
    waiting = unfinished_runs().exclude(state=State.PAUSED).filter(~Exists(held)).order_by("pk")
    with transaction.atomic():  # one whose row is locked is being planned
        return list(waiting.select_for_update(skip_locked=True))


def cancel_run(run: IndexingRun) -> bool:
    """Stops a run for good: chunks being worked on are given up at their next step."""
    return bool(
        unfinished_runs()
        .filter(pk=run.pk)
        .update(state=State.CANCELLED, finished_at=timezone.now())
    )


def pause_run(run: IndexingRun) -> bool:
    return bool(
        IndexingRun.objects.filter(pk=run.pk, state__in=[State.QUEUED, State.RUNNING]).update(
            state=State.PAUSED
        )
    )


def resume_run(run: IndexingRun) -> bool:
    return bool(
        IndexingRun.objects.filter(pk=run.pk, state=State.PAUSED).update(state=State.QUEUED)
    )


def claim_chunk(run: IndexingRun, worker: str) -> Chunk | None:
    """The next chunk of the run's stage that nobody works on, leased to `worker`, its attempt
    counted before any work; None when there is none. Never given to two workers at once."""
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
        chunk.worker, chunk.lease_until = worker, now + _lease()
        chunk.started_at = now
        chunk.state = Chunk.State.LEASED
        if chunk.attempts > MAX_ATTEMPTS:
            chunk.state = Chunk.State.FAILED
            chunk.error = f"Its worker died {MAX_ATTEMPTS} times."
        chunk.save()
        return chunk


def renew_lease(chunk: Chunk) -> bool:
    """Puts the end of the lease off; False when the chunk is not the worker's any more, or its run
    was paused or cancelled."""
    return bool(
        _held(chunk).filter(run__state=State.RUNNING).update(lease_until=timezone.now() + _lease())
    )


def finish_chunk(chunk: Chunk) -> bool:
    return bool(_held(chunk).update(state=Chunk.State.DONE, finished_at=timezone.now(), error=""))


def give_back_chunk(chunk: Chunk) -> None:
    """Back to the others, without blame: its run was paused, or its worker is stopping."""
    _held(chunk).update(state=Chunk.State.PENDING, attempts=F("attempts") - 1)


def fail_chunk(chunk: Chunk, error: str) -> None:
    """Notes what the chunk raised; it is tried again until it has failed MAX_ERRORS times."""
    last = chunk.errors + 1 >= MAX_ERRORS
    _held(chunk).update(
        state=Chunk.State.FAILED if last else Chunk.State.PENDING,
        errors=F("errors") + 1,
        error=error[:2000],
    )


def finish_run(run: IndexingRun, state: str, error: str = "") -> None:
    unfinished_runs().filter(pk=run.pk).update(
        state=state, error=error[:2000], finished_at=timezone.now()
    )


def lock_run(run: IndexingRun) -> IndexingRun | None:
    """Within a transaction: the run's row as it is now, for whoever decides its course; None while
    somebody else does."""
    return IndexingRun.objects.select_for_update(skip_locked=True).filter(pk=run.pk).first()


def _held(chunk: Chunk) -> QuerySet[Chunk]:
    """The chunk's row as long as this attempt of this worker holds it."""
    return Chunk.objects.filter(
        pk=chunk.pk,
        state=Chunk.State.LEASED,
        worker=chunk.worker,
        attempts=chunk.attempts,
    )


def _lease() -> timedelta:
    return timedelta(seconds=settings.CHUNK_LEASE_S)
