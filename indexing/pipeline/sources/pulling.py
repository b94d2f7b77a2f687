"""Pulls one source: fetches its feed, compares it with what it said before, and writes the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.console.stored_sentences import translate_sentence
from catalog.importing.errors import ImportFailed, grouped
from catalog.importing.fetching.guarded_client import FetchFailed
from catalog.importing.files import BATCH_SIZE, ImportReport, import_file
from catalog.importing.history.recorded_imports import begin_import, finish_import
from catalog.importing.photos.named_addresses import request_photos_of_source
from catalog.importing.sources.feed_files import FeedFile, open_feed_place
from catalog.importing.sources.reading_options import options_checksum, options_of
from catalog.importing.sources.source_import import SourceImport, TooManyMissing
from catalog.models import ProductImport, Source
from indexing.pipeline.sources.pull_schedule import next_attempt, next_pull

State = ProductImport.State
UNCHANGED = gettext_noop("Unchanged since the last import.")
CHANGED = gettext_noop(
    "%(added)s products added, %(changed)s changed, %(hidden)s hidden, %(removed)s removed;"
    " %(refused)s lines refused."
)
CHANGED_AND_NOTED = gettext_noop(
    "%(added)s products added, %(changed)s changed, %(hidden)s hidden, %(removed)s removed;"
    " %(refused)s lines refused, %(noted)s noted."
)
_PLACE = re.compile(r"%\\\((\w+)\\\)s")  # in an escaped sentence


@dataclass(frozen=True)
class Steps:
    """How a pull tells of itself: `check` raises an exception to end it, `plan` gets about the
    number of rows, `report` the number that is done."""

    check: Callable[[], None] = lambda: None
    plan: Callable[[int], None] = lambda rows: None
    report: Callable[[int], None] = lambda done: None

    def counter(self) -> Callable[[int], None]:
        """Returns a function that adds numbers up and reports the sum."""
        done = 0

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            self.report(done)

        return count


def pull(source: Source, by: str, chunk_id: int | None = None, steps: Steps | None = None) -> str:
    """Pulls a source. A second call with the same chunk goes on with its import. Returns a sentence
    that says what came of it, which is also `result` or `error` of the source."""
    steps = steps or Steps()
    _settle_others(source, chunk_id)
    try:
        with open_feed_place(source.address, _conditions(source), steps.check) as feed:
            if feed is None or _is_unchanged(source, feed):
                request_photos_of_source(source.pk)
                waiting = source.imports.filter(state=State.WAITING).first()
                return _succeed(source, waiting.error if waiting else UNCHANGED, feed)
            steps.plan(feed.rows)
            return _import(source, by, chunk_id, feed, steps)
    except FetchFailed as failure:
        return fail(source, str(failure), failure.is_final, failure.retry_after_s or 0.0)
    except ImportFailed as failure:
        return fail(source, str(failure))


def describe_import(product_import: ProductImport) -> str:
    """Describes what an import has changed."""
    counts = ("added", "changed", "hidden", "removed", "refused", "noted")
    numbers = {name: grouped(getattr(product_import, name)) for name in counts}
    return _(CHANGED_AND_NOTED if product_import.noted else CHANGED) % numbers


def translate_result(result: str) -> str:
    """Returns the `result` of a source, which is in English, in the active language, as far as its
    sentences are known."""
    for sentence in (UNCHANGED, CHANGED_AND_NOTED, CHANGED):
        pattern = _PLACE.sub(r"(?P<\1>[0-9,]+)", re.escape(sentence))
        if match := re.match(pattern, result):
            given = {name: text.replace(",", "") for name, text in match.groupdict().items()}
            told = _(sentence) % {name: grouped(int(text)) for name, text in given.items()}
            return f"{told} {translate_sentence(result[match.end() :].strip())}".strip()
    return translate_sentence(result)


def translate_outcome(outcome: str) -> str:
    """Returns an outcome of an import, "NAME: RESULT" in English, in the active language."""
    name, colon, result = outcome.partition(": ")
    return f"{name}{colon}{translate_result(result)}"


def _import(
    source: Source,
    by: str,
    chunk_id: int | None,
    feed: FeedFile,
    steps: Steps,
) -> str:
    options = options_of(source)
    columns = options.columns
    source.imports.filter(state=State.WAITING).delete()  # this pull asks anew
    begun = _begin(source, by, chunk_id)
    _forget_feed(source)
    keeper, report = SourceImport(begun, source, steps.check), ImportReport()
    try:
        import_file(
            feed.path,
            options.file_format,
            steps.counter(),
            BATCH_SIZE,
            mapping=columns,
            options=options.feed,
            keeper=keeper,
            report=report,
        )
    except TooManyMissing as question:
        begun.state, begun.missing = State.WAITING, question.missing
        begun.error, begun.finished_at = str(question), timezone.now()
        begun.save()
        return _succeed(source, str(question), feed)
    except ImportFailed as failure:
        finish_import(begun, report, str(failure))
        raise
    request_photos_of_source(source.pk)
    finished = finish_import(begun, report)
    said = describe_import(finished) if finished else UNCHANGED
    source.changes_at = report.changes_at
    return _succeed(source, " ".join([said, *keeper.notes]), feed)


def _forget_feed(source: Source) -> None:
    """Forgets the last feed until this one is imported. Otherwise a shop that takes a feed back,
    of which a part was imported, would seem to have changed nothing."""
    Source.objects.filter(pk=source.pk).update(content_hash="", etag="", last_modified="")


def _begin(source: Source, by: str, chunk_id: int | None) -> ProductImport:
    """Returns the import of this chunk, or goes on with the last one if it failed after it had
    changed something, so that both are taken back together, or begins one."""
    if chunk_id is not None:
        of_chunk = ProductImport.objects.filter(chunk_id=chunk_id)
        if running := of_chunk.filter(state=State.RUNNING).first():
            return running
        of_chunk.update(chunk_id=None)  # a worker was killed after it had finished the import
    begun = source.imports.first()
    if begun is None or begun.state != State.FAILED or not begun.has_changes:
        begun = begin_import(source.name, by, source)
    begun.state, begun.error, begun.chunk_id = State.RUNNING, "", chunk_id
    begun.save(update_fields=["state", "error", "chunk_id"])
    return begun


def _settle_others(source: Source, chunk_id: int | None) -> None:
    """Ends imports of the source whose run was cancelled."""
    for other in source.imports.filter(state=State.RUNNING).exclude(chunk_id=chunk_id):
        finish_import(other, error="It was interrupted. What it had written stays.")


def _conditions(source: Source) -> dict[str, str]:
    """Returns the headers by which a server recognises an unchanged feed (RFC 9110, 13.1)."""
    if not _may_be_unchanged(source):
        return {}
    conditions = {"If-None-Match": source.etag, "If-Modified-Since": source.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _is_unchanged(source: Source, feed: FeedFile) -> bool:
    return _may_be_unchanged(source) and feed.content_hash == source.content_hash


def _may_be_unchanged(source: Source) -> bool:
    """Returns whether an equal feed would be read in the same way as the last time."""
    is_later = source.changes_at is not None and source.changes_at <= timezone.now()
    is_asked = source.reads_all or source.hides_up_to
    return source.options_hash == options_checksum(source) and not is_later and not is_asked


def _succeed(source: Source, sentence: str, feed: FeedFile | None) -> str:
    remembered = {}
    if feed is not None:
        remembered = {
            "etag": feed.etag,
            "last_modified": feed.last_modified,
            "content_hash": feed.content_hash,
            "options_hash": options_checksum(source),
            "changes_at": source.changes_at,
            "reads_all": False,
        }
    return _store(
        source,
        result=sentence,
        error="",
        attempts=0,
        next_at=next_pull(source),
        hides_up_to=0,
        **remembered,
    )


def fail(source: Source, sentence: str, is_final: bool = False, retry_after_s: float = 0.0) -> str:
    """Records that a source could not be pulled, and when it is tried again. Returns the
    sentence."""
    attempts = source.attempts + 1
    at = next_attempt(source, attempts, retry_after_s, is_final)
    return _store(source, error=sentence, attempts=attempts, next_at=at)


def _store(source: Source, **values: object) -> str:
    """Records what came of a pull, unless the source was deleted meanwhile."""
    Source.objects.filter(pk=source.pk).update(pulled_at=timezone.now(), **values)
    return str(values.get("error") or values["result"])
