"""The worker, which works on a run until nothing is left to do. Any number of workers on any
machines may work on one run, and each may die at any moment."""

import logging
import threading
import time
from collections.abc import Callable
from itertools import islice

from django.conf import settings
from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from catalog.index.live_index import encoder_named, encoder_of, live_generation
from catalog.visual.encoder import Encoder
from catalog.visual.errors import EncoderError
from indexing.ledger import chunk_leases, runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.stages import STAGES, Stage, StageFailed

log = logging.getLogger("vitrina.indexing")

Kind = IndexingRun.Kind

IDLE_WAIT_S = 0.2
CHUNKS_PER_INSERT = 200
MAX_DATABASE_OUTAGE_S = 600.0  # a worker gives up after this time

Report = Callable[[IndexingRun], None]


class LeaseLost(Exception):
    """The worker no longer holds the chunk: its lease expired, or its run was paused or
    cancelled."""


def work_on(run: IndexingRun, report: Report = lambda run: None) -> IndexingRun:
    """Works on chunks of `run` until the run is finished or paused, and returns its present row.
    Calls `report` after each chunk. Waits while the database is unavailable, up to
    MAX_DATABASE_OUTAGE_S."""
    worker = chunk_leases.worker_name()
    unavailable_since: float | None = None
    while True:
        try:
            run = _take_step(run, worker)
            unavailable_since = None
            report(run)
            if run.is_finished or run.state == IndexingRun.State.PAUSED:
                return run
        except (OperationalError, InterfaceError) as error:
            unavailable_since = unavailable_since or time.monotonic()
            if time.monotonic() - unavailable_since > MAX_DATABASE_OUTAGE_S:
                raise
            log.warning(
                "run %s: the database is not available (%s); waiting", run.pk, _first_line(error)
            )
            connection.close()
            time.sleep(1)


def _take_step(run: IndexingRun, worker: str) -> IndexingRun:
    """Works on one chunk, begins the next stage, or waits a moment for other workers."""
    IndexingRun.objects.filter(pk=run.pk, state=IndexingRun.State.QUEUED).update(
        state=IndexingRun.State.RUNNING
    )
    run = IndexingRun.objects.get(pk=run.pk)
    if run.state != IndexingRun.State.RUNNING:
        return run
    chunk = chunk_leases.claim_chunk(run, worker) if run.stage else None
    if chunk is not None:
        _work_on_chunk(chunk)
    elif not _advance_run(run):
        time.sleep(IDLE_WAIT_S)
    return IndexingRun.objects.get(pk=run.pk)


def _work_on_chunk(chunk: Chunk) -> None:
    if chunk.state == Chunk.State.FAILED:
        return
    with Lease(chunk) as lease:
        try:
            STAGES[Kind(chunk.run.kind)].by_name(chunk.stage).perform(chunk, lease.check)
        except LeaseLost:
            chunk_leases.give_back_chunk(chunk)
        except (OperationalError, InterfaceError):
            raise  # the lease expires, and a worker does the chunk again
        except StageFailed as error:
            chunk_leases.fail_chunk(chunk, str(error), for_good=True)
        except Exception as error:
            log.exception("%s failed", chunk)
            chunk_leases.fail_chunk(chunk, f"{type(error).__name__}: {error}")
        except BaseException:  # a signal asks this process to stop
            _give_chunk_back(chunk)
            raise
        else:
            chunk_leases.finish_chunk(chunk)


def _give_chunk_back(chunk: Chunk) -> None:
    """Gives the chunk back to the other workers at once. If the database does not answer, they can
    claim it when the lease expires."""
    try:
        chunk_leases.give_back_chunk(chunk)
    except (OperationalError, InterfaceError) as error:
        log.warning("%s could not be given back: %s", chunk, _first_line(error))


def _advance_run(run: IndexingRun) -> bool:
    """Begins the next stage, or ends the run, when all chunks of the present stage are done.
    Returns False while other workers hold chunks."""
    with transaction.atomic():
        locked = _lock_if_stage_is_over(run)
    if locked is None:
        return False
    try:
        # Loading hashes files, so the worker loads only when a stage is over and no row is locked.
        _load_encoder(run)
    except EncoderError as error:
        runs.finish_run(run, IndexingRun.State.FAILED, str(error))
        return True
    with transaction.atomic():
        locked = _lock_if_stage_is_over(run)
        if locked is None:
            return False
        if locked.state != IndexingRun.State.RUNNING:
            return True
        failed = locked.chunks.filter(stage=locked.stage, state=Chunk.State.FAILED).first()
        if failed is not None:
            runs.finish_run(run, IndexingRun.State.FAILED, f"{failed.stage}: {failed.error}")
            return True
        try:
            return _begin_stage(locked, STAGES[Kind(locked.kind)].after(locked.stage))
        except StageFailed as error:
            runs.finish_run(run, IndexingRun.State.FAILED, str(error))
            return True


def _lock_if_stage_is_over(run: IndexingRun) -> IndexingRun | None:
    """Locks the run's row and returns it if all chunks of its stage are done or one has failed.
    Returns None while other workers work on chunks or plan the next stage."""
    locked = runs.lock_run(run)
    if locked is None:
        return None
    chunks = locked.chunks.filter(stage=locked.stage)
    failed = chunks.filter(state=Chunk.State.FAILED).exists()
    return locked if failed or not chunks.exclude(state=Chunk.State.DONE).exists() else None


def _load_encoder(run: IndexingRun) -> Encoder | None:
    """Loads the encoder that a run needs and returns it; None if it needs none."""
    if run.kind in (Kind.FETCH, Kind.IMPORT, Kind.RECOMMENDATIONS):
        return None
    if run.encoder:
        return encoder_named(run.encoder)
    generation = live_generation()
    return encoder_of(generation.encoder) if generation else None


def _begin_stage(run: IndexingRun, stage: Stage | None) -> bool:
    if stage is None:
        runs.finish_run(run, IndexingRun.State.SUCCEEDED)
        return True
    run.stage = stage.name
    run.started_at = run.started_at or timezone.now()
    run.save(update_fields=["stage", "started_at"])
    chunks = (
        Chunk(run=run, stage=stage.name, ordinal=n, payload=payload, size=size)
        for n, (payload, size) in enumerate(stage.plan(run))
    )
    while part := list(islice(chunks, CHUNKS_PER_INSERT)):
        Chunk.objects.bulk_create(part)
    return True


class Lease:
    """Context manager that renews a chunk's lease from a thread while the worker works on it."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def check(self) -> None:
        """Raises LeaseLost if the worker no longer holds the chunk."""
        if self._lost.is_set():
            raise LeaseLost

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self) -> None:
        try:
            while not self._done.wait(settings.CHUNK_LEASE_S / 4):
                try:
                    close_old_connections()
                    if not chunk_leases.renew_lease(self._chunk):
                        self._lost.set()
                        return
                except (OperationalError, InterfaceError):
                    connection.close()  # renewal is tried again after the next interval
        finally:
            connection.close()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
