"""The run that imports: each of its chunks takes an import back, imports an uploaded file, or pulls
a source."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from catalog.importing.errors import ImportFailed
from catalog.importing.history.undoing import count_entries, describe_undo, undo_import
from catalog.importing.sources.feed_files import count_rows
from catalog.importing.sources.uploaded_feeds import find_feed
from catalog.models import ProductImport, Source, SourceProduct
from indexing.ledger import runs
from indexing.ledger.chunk_leases import record_progress
from indexing.ledger.chunking import Check, Payload
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.sources.pull_schedule import next_pull
from indexing.pipeline.sources.pulling import Steps, fail, pull
from indexing.pipeline.sources.uploaded_imports import (
    finish_upload,
    perform_upload,
    queued_uploads,
)

KEPT_RUNS = 50  # finished ones that stay in the ledger
SCHEDULE = "schedule"
State = ProductImport.State

log = logging.getLogger("vitrina.indexing")


def has_requests() -> bool:
    """Returns whether a source is due, an uploaded file is to be imported, or an import is to be
    taken back."""
    asked = ProductImport.objects.filter(state__in=[State.QUEUED, State.UNDOING])
    return Source.objects.due().exists() or asked.exists()


def start_imports() -> IndexingRun:
    """Starts a run for what is asked for, or returns the unfinished one. Removes old runs."""
    imports = IndexingRun.objects.filter(kind=IndexingRun.Kind.IMPORT)
    finished = imports.exclude(state__in=IndexingRun.UNFINISHED).order_by("-pk")
    old = finished.values_list("pk", flat=True)[KEPT_RUNS:]
    imports.filter(pk__in=list(old)).delete()
    return runs.start_run(IndexingRun.Kind.IMPORT)


def plan_imports(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans a chunk for each import to take back, for each uploaded file, then for each source that
    is due. From then on the chunk stands for the request, so that a cancelled one is not started
    again at once."""
    for product_import in _undone():
        yield {"undo": product_import.pk}, max(1, count_entries(product_import))
    for product_import in queued_uploads():
        ProductImport.objects.filter(pk=product_import.pk).update(state=State.RUNNING)
        yield {"upload": product_import.pk}, _count_rows(product_import)
    for source in Source.objects.due().order_by("next_at"):
        known = SourceProduct.objects.filter(source=source).count()
        Source.objects.filter(pk=source.pk).update(next_at=next_pull(source), requested_by="")
        yield {"source": source.pk, "by": source.requested_by or SCHEDULE}, max(1, known)


def perform_import(chunk: Chunk, check: Check) -> None:
    """Does what a chunk says. A source that cannot be pulled says why, and the others go on."""
    report = partial(record_progress, chunk)
    if pk := chunk.payload.get("undo"):
        product_import = _undone().filter(pk=pk).first()
        if product_import is not None:
            undone = undo_import(product_import, check, report)
            _add_result(chunk, describe_undo(undone))
    elif pk := chunk.payload.get("upload"):
        _import_upload(chunk, pk, Steps(check, report=report))
    else:
        _pull(chunk, check, report)


def _import_upload(chunk: Chunk, pk: int, steps: Steps) -> None:
    asked = ProductImport.objects.filter(pk=pk, state=State.RUNNING).first()
    if asked is None:  # an attempt that was interrupted after its end
        return
    _attempt(
        chunk,
        asked.name,
        steps.check,
        lambda: perform_upload(asked, chunk.pk, steps),
        lambda reason: finish_upload(asked, error=reason),
    )


def _pull(chunk: Chunk, check: Check, report: Callable[[int], None]) -> None:
    source = Source.objects.filter(pk=chunk.payload["source"]).first()
    if source is None:
        _add_result(chunk, "A source was deleted before it was pulled.")
        return
    steps = Steps(check, partial(_plan_rows, chunk), report)
    _attempt(
        chunk,
        source.name,
        check,
        lambda: pull(source, chunk.payload["by"], chunk.pk, steps),
        lambda reason: fail(source, reason),
    )


def _attempt(
    chunk: Chunk,
    name: str,
    check: Check,
    work: Callable[[], str],
    end: Callable[[str], str],
) -> None:
    """Adds what came of `work` to the run's result. `end` gets the reason why it has failed."""
    try:
        said = work()
    except (OperationalError, InterfaceError):
        raise  # the worker waits for the database
    except Exception as error:
        check()  # raises the exception again if the worker no longer holds the chunk
        log.exception("%s could not be imported", name)
        said = end(f"{type(error).__name__}: {error}")
    _add_result(chunk, f"{name}: {said}")


def _count_rows(product_import: ProductImport) -> int:
    try:
        return count_rows(find_feed(product_import.upload).path)
    except ImportFailed:
        return 1  # its chunk says so


def _undone() -> Any:
    return ProductImport.objects.filter(state=State.UNDOING).order_by("pk")


def _plan_rows(chunk: Chunk, rows: int) -> None:
    Chunk.objects.filter(pk=chunk.pk).update(size=max(1, rows))


def _add_result(chunk: Chunk, sentence: str) -> None:
    with transaction.atomic():
        run = IndexingRun.objects.select_for_update().get(pk=chunk.run_id)
        run.result = {"imports": [*run.result.get("imports", []), sentence]}
        run.save(update_fields=["result"])
