"""What operators do with sources, from the console and by `index sources`. Each function is a short
transaction and returns a sentence for them, in English, or raises SourceError with one."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.console.translated_names import name_starter
from catalog.importing.errors import ImportFailed, grouped
from catalog.importing.history.undoing import (
    UndoRefused,
    check_undo,
    last_import,
    request_undo,
)
from catalog.importing.sources.feed_files import check_place
from catalog.importing.sources.reading_options import options_of
from catalog.models import ProductImport, Source
from indexing.ledger import runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.sources.pull_schedule import is_cron

State = ProductImport.State


class SourceError(Exception):
    """An action is refused. The message is a sentence."""


def add_source(name: str, address: str, **fields: object) -> Source:
    """Adds a source, which is due at once. Raises SourceError."""
    if Source.objects.filter(name=name).exists():
        raise SourceError(f"There is a source {name!r} already.")
    source = Source(name=name, address=address, next_at=timezone.now(), **fields)
    try:
        source.address = check_place(address)
        _ = options_of(source).columns  # can be read
    except ImportFailed as error:
        raise SourceError(str(error)) from error
    if source.cron and not is_cron(source.cron):
        raise SourceError(f"{source.cron!r} is not a cron expression of five fields.")
    source.save()
    return source


def request_pull(source: Source, by: str, *, reads_all: bool = False) -> str:
    """Asks for a pull now. With `reads_all`, every row is compared with the catalogue."""
    if is_pulled(source):
        raise SourceError(_("%(name)s is being pulled already.") % {"name": source.name})
    Source.objects.filter(pk=source.pk).update(
        next_at=timezone.now(), requested_by=by[:150], reads_all=reads_all
    )
    return f"{source.name} is pulled within a minute."


def is_pulled(source: Source) -> bool:
    """Returns whether an unfinished run has a chunk that pulls the source."""
    unfinished = runs.unfinished_runs().filter(kind=IndexingRun.Kind.IMPORT)
    chunks = Chunk.objects.filter(run__in=unfinished, payload__source=source.pk)
    return chunks.exclude(state__in=[Chunk.State.DONE, Chunk.State.FAILED]).exists()


def waiting_import(source: Source) -> ProductImport:
    """Returns the import that waits for an operator. Raises SourceError if there is none."""
    waiting = source.imports.filter(state=State.WAITING).first()
    if waiting is None:
        raise SourceError(_("No import of %(name)s waits for a decision.") % {"name": source.name})
    return waiting


def describe_question(waiting: ProductImport) -> str:
    """Says what confirming does."""
    return _(
        "Products that the feed no longer has: %(number)s. Confirming hides them, and imports the"
        " rest of the feed as it is then. If still more products are missing by then, it asks"
        " again. Discarding leaves the catalogue as it is until the feed changes."
    ) % {"number": grouped(waiting.missing)}


def confirm_hiding(source: Source, by: str) -> str:
    """Lets the waiting import hide what it asked for."""
    with transaction.atomic():
        waiting = waiting_import(source)
        Source.objects.filter(pk=source.pk).update(
            next_at=timezone.now(), requested_by=by[:150], hides_up_to=waiting.missing
        )
    return (
        f"{source.name} is pulled within a minute."
        f" It may hide this many products: {waiting.missing:,}."
    )


def discard_import(source: Source, by: str) -> str:
    """Discards the waiting import. Nothing of it was written."""
    with transaction.atomic():
        waiting = waiting_import(source)
        waiting.state, waiting.undone_by, waiting.undone_at = State.DISCARDED, by, timezone.now()
        waiting.save(update_fields=["state", "undone_by", "undone_at"])
        Source.objects.filter(pk=source.pk).update(hides_up_to=0)
    return f"The import of {source.name} is discarded: nothing was changed."


def undoable_import(source: Source | None, api_key_id: int | None = None) -> ProductImport:
    """Returns the import that an undo would take back: the last one of the source, of the key of
    the API, or else of files. Raises SourceError."""
    last = last_import(source.pk if source else None, api_key_id)
    if last is None:
        if source is None:
            raise SourceError(_("No file was imported."))
        raise SourceError(_("%(name)s has imported nothing.") % {"name": source.name})
    try:
        check_undo(last)
    except UndoRefused as error:
        raise SourceError(str(error)) from error
    return last


def describe_undo_plan(last: ProductImport) -> str:
    """Says what taking an import back would do."""
    plan = _(
        "Import %(id)s of %(at)s UTC by %(by)s. Products that it added are deleted: %(added)s."
        " Those that it changed become as they were: %(changed)s. Those that it hid are shown:"
        " %(hidden)s. Those that it removed come back: %(removed)s. What somebody has changed since"
        " stays as it is."
    ) % {
        **{
            "id": last.pk,
            "at": f"{last.started_at:%Y-%m-%d %H:%M}",
            "by": name_starter(last.started_by) or "–",
        },
        **{"added": grouped(last.added), "changed": grouped(last.changed)},
        **{"hidden": grouped(last.hidden), "removed": grouped(last.removed)},
    }
    if not last.source_id:
        return plan
    return f"{plan} " + _("The next pulls leave these rows alone until the feed changes them.")


def undo_last(
    source: Source | None,
    by: str,
    shown: str | int | None = None,
    api_key_id: int | None = None,
) -> ProductImport:
    """Asks to take the last import of a place back (`undoable_import`). `shown`: the id of the
    import that the operator has seen as the last one. Raises SourceError, also if another one is
    the last by now."""
    last = undoable_import(source, api_key_id)
    if shown is not None and str(shown) != str(last.pk):
        raise SourceError(
            _(
                "Nothing is taken back: meanwhile import %(id)s of %(name)s is the last one. Look"
                " at it first."
            )
            % {"id": last.pk, "name": last.name}
        )
    try:
        return request_undo(last, by)
    except UndoRefused as error:
        raise SourceError(str(error)) from error
