"""Imports of files that operators have uploaded."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from catalog.importing.errors import ImportFailed
from catalog.importing.files import ImportReport, import_file
from catalog.importing.history.recorded_imports import RecordedImport, finish_import
from catalog.importing.sources.uploaded_feeds import (
    UploadedFeed,
    find_feed,
    remove_feed,
    remove_old_feeds,
)
from catalog.models import ProductImport
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.sources.pulling import Steps, describe_import

State = ProductImport.State
NOTHING_NEW = _lazy("The catalogue already has all products of the file, just as they are there.")


def request_import(feed: UploadedFeed, by: str) -> ProductImport:
    """Asks for the import of an uploaded file. A second call returns the same import."""
    try:
        with transaction.atomic():
            return ProductImport.objects.create(
                name=feed.name, upload=feed.token, state=State.QUEUED, started_by=by[:150]
            )
    except IntegrityError:
        return ProductImport.objects.get(upload=feed.token)


def perform_upload(product_import: ProductImport, chunk_id: int, steps: Steps) -> str:
    """Imports an uploaded file and removes it. A second call with the same chunk goes on. Returns a
    sentence that says what came of it."""
    begun = product_import
    if begun.chunk_id != chunk_id:
        begun.chunk_id, begun.started_at = chunk_id, timezone.now()
        begun.save(update_fields=["chunk_id", "started_at"])
    report, error = ImportReport(), ""
    try:
        feed = find_feed(begun.upload)
        import_file(
            feed.path,
            feed.options.file_format,
            steps.counter(),
            mapping=feed.options.columns,
            options=feed.options.feed,
            keeper=RecordedImport(begun, steps.check),
            report=report,
        )
    except ImportFailed as failure:
        error = str(failure)
    return finish_upload(begun, report, error)


def finish_upload(
    product_import: ProductImport, report: ImportReport | None = None, error: str = ""
) -> str:
    """Ends the import of an uploaded file, and removes the file. Returns what came of it."""
    finish_import(product_import, report, error)
    remove_feed(product_import.upload)
    return describe_result(product_import)


def describe_result(product_import: ProductImport) -> str:
    """Says what a finished import has brought."""
    if product_import.error:
        return product_import.error
    if not (product_import.has_changes or product_import.refused):
        return str(NOTHING_NEW)
    return describe_import(product_import)


def queued_uploads() -> list[ProductImport]:
    """Returns the imports of uploaded files that wait for a run, the oldest first."""
    return list(ProductImport.objects.filter(state=State.QUEUED).order_by("pk"))


def tidy_uploads() -> None:
    """Ends imports of uploaded files whose run has been cancelled or has failed, and removes
    uploaded files that are older than a day and wait for no import."""
    uploads = ProductImport.objects.exclude(upload="")
    unfinished = Chunk.objects.filter(
        run__state__in=IndexingRun.UNFINISHED, payload__has_key="upload"
    )
    planned = {payload["upload"] for payload in unfinished.values_list("payload", flat=True)}
    for left in uploads.filter(state=State.RUNNING).exclude(pk__in=planned):
        finish_upload(left, error="It was cancelled or interrupted. What it had written stays.")
    waiting = uploads.filter(state__in=[State.QUEUED, State.RUNNING])
    remove_old_feeds(set(waiting.values_list("upload", flat=True)))
