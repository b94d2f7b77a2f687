"""Answers whether search is healthy, in sentences: what is wrong, and what to do about it. Every
check reads few rows, so pages may ask at any time."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.console.rights import Right
from catalog.console.stored_sentences import translate_sentence
from catalog.models import Generation, ProductImport
from indexing.generations.publishing import find_doubtful_switch
from indexing.ledger.run_rights import right_for
from indexing.ledger.runs import abandoned_runs
from indexing.models import DriftReference, IndexingRun
from indexing.monitoring.drift.measuring import drift_now
from indexing.monitoring.durations import describe_duration
from indexing.monitoring.pulse import Pulse
from indexing.monitoring.run_names import name_kind

QUEUE_LATE = timedelta(minutes=3)  # schedules run every minute
PULL_LATE = timedelta(hours=1)
LEAST_FREE = 0.05  # share of the disk
MAX_NAMED = 5  # sources with a problem of a kind
MANY_TASKS = 50
Kind = IndexingRun.Kind
JUDGED = (
    Kind.REFRESH,
    Kind.REBUILD,
    Kind.TRAINING,
    Kind.RECOMMENDATIONS,
    Kind.IMPORT,
    Kind.FETCH,
)


@dataclass(frozen=True)
class Problem:
    """What is wrong, in a sentence, and what to do: a sentence, and the address and label of a page
    or none. `severe`: shoppers or freshness suffer now; `needs`: the right to open the page."""

    severe: bool
    sentence: str
    remedy: str
    address: str = ""
    label: str = ""
    needs: Right = Right.VIEW


def find_problems(pulse: Pulse) -> list[Problem]:
    """Returns what is wrong, the severe problems first. None: search is healthy."""
    found = [problem for check in CHECKS for problem in check(pulse)]
    return sorted(found, key=lambda problem: not problem.severe)


def check_index(pulse: Pulse) -> Iterator[Problem]:
    if pulse.live is None:
        yield Problem(
            True,
            _("Nothing can be found: no index is live yet."),
            _("Start a rebuild."),
            reverse("admin:start_run", args=["rebuild"]),
            _("Rebuild"),
            Right.PUBLISH,
        )
    elif not pulse.is_fresh:
        waits = describe_duration(timedelta(seconds=pulse.oldest_pending_s))
        target = describe_duration(timedelta(seconds=settings.FRESHNESS_TARGET_S))
        yield Problem(
            True,
            _(
                "The index is not fresh: a change has been waiting for %(waits)s, longer than"
                " %(target)s."
            )
            % {"waits": waits, "target": target},
            _("Refresh the index, and look whether the task queue works."),
            reverse("admin:start_run", args=["refresh"]),
            _("Refresh now"),
            Right.OPERATE,
        )


def check_queue(pulse: Pulse) -> Iterator[Problem]:
    if pulse.next_task_at is not None and pulse.next_task_at < timezone.now() - QUEUE_LATE:
        since = describe_duration(timezone.now() - pulse.next_task_at)
        yield Problem(
            True,
            _("The task queue has not run for %(since)s: nothing is refreshed or fetched.")
            % {"since": since},
            _("Start the queue: `make run`, or `python manage.py qcluster`."),
        )
    elif pulse.queued is None:
        yield Problem(True, _("The task queue cannot be reached."), _("Check Redis (REDIS_URL)."))
    elif pulse.queued > MANY_TASKS:
        yield Problem(
            False,
            _("%(n)s tasks wait in the queue: its workers are busy or hang.") % {"n": pulse.queued},
            _("See what runs now."),
            reverse("admin:indexing_indexingrun_changelist"),
            _("Runs"),
        )


def check_runs(pulse: Pulse) -> Iterator[Problem]:
    runs = reverse("admin:indexing_indexingrun_changelist")
    started = timezone.now() - timedelta(seconds=2 * settings.CHUNK_LEASE_S)
    for run in abandoned_runs():
        if run.created_at < started:
            yield Problem(
                True,
                _("%(kind)s %(n)s stands still: no worker works on it.")
                % {"kind": capfirst(name_kind(run.kind)), "n": run.pk},
                _("The queue takes it up within a minute if it works."),
                runs,
                _("Runs"),
            )
    finished = IndexingRun.objects.filter(kind__in=JUDGED).exclude(state__in=IndexingRun.UNFINISHED)
    for last in finished.order_by("kind", "-pk").distinct("kind"):
        kind = last.kind
        # Before the first model, too little history is no fault.
        is_fault = kind != Kind.RECOMMENDATIONS or pulse.recommendations is not None
        if last.state == IndexingRun.State.FAILED and is_fault:
            yield Problem(
                kind == IndexingRun.Kind.REFRESH,
                _("The last %(kind)s failed: %(error)s")
                % {"kind": name_kind(kind), "error": translate_sentence(last.error)[:300]},
                _("Mend the cause, then start it again."),
                reverse("admin:start_run", args=[kind]),
                _("Start again"),
                right_for(kind),
            )


def check_generations(pulse: Pulse) -> Iterator[Problem]:
    newest = pulse.newest
    compare = reverse("admin:generations_compare")
    if newest is not None and newest.state == Generation.State.REJECTED:
        yield Problem(
            False,
            _("Generation %(n)s was built, but is worse than the live one: %(why)s.")
            % {"n": newest.pk, "why": translate_sentence(newest.note) or "–"},
            _("Compare the two, then publish or leave it."),
            compare,
            _("Compare"),
        )
    elif newest is not None and newest.state == Generation.State.BUILT:
        sentence = _("Generation %(n)s is built and waits for your decision.")
        if newest.note:
            sentence = _(
                "Generation %(n)s is built and waits for your decision. It finds less than the live"
                " one: %(why)s."
            )
        yield Problem(
            False,
            sentence % {"n": newest.pk, "why": translate_sentence(newest.note)},
            _("Compare it with the live one, then publish it."),
            compare,
            _("Compare"),
        )
    if pulse.live and pulse.live.note and (switches := find_doubtful_switch()):
        live, before = switches
        yield Problem(
            False,
            _(
                "Generation %(n)s is live, but finds less than the one that was live when it was"
                " built: %(why)s."
            )
            % {"n": live.generation_id, "why": translate_sentence(live.generation.note)},
            _("Compare it with the one before. Then roll back, or keep it."),
            f"{compare}?left={before.generation_id}&right={live.generation_id}",
            _("Compare"),
        )


def check_sources(pulse: Pulse) -> Iterator[Problem]:
    late = timezone.now() - PULL_LATE
    wrong = [s for s in pulse.sources if s.error or (s.next_at and s.next_at < late)]
    for source in wrong[:MAX_NAMED]:
        address = reverse("admin:catalog_source_change", args=[source.pk])
        if source.error:
            sentence = _("The source %(name)s cannot be pulled: %(error)s")
            values = {"name": source.name, "error": translate_sentence(source.error)[:300]}
        else:
            sentence = _("The source %(name)s should have been pulled at %(at)s UTC.")
            values = {"name": source.name, "at": f"{source.next_at:%Y-%m-%d %H:%M}"}
        yield Problem(False, sentence % values, _("Look at the source."), address, _("Source"))
    waiting = ProductImport.objects.filter(
        state=ProductImport.State.WAITING, source__isnull=False
    ).select_related("source")
    for product_import in waiting[:MAX_NAMED]:
        assert product_import.source is not None
        yield Problem(
            False,
            _("The feed of %(name)s lacks many products: the import waits for your decision.")
            % {"name": product_import.source.name},
            _("Confirm or discard it."),
            reverse("admin:source_hiding", args=[product_import.source.pk]),
            _("Decide"),
            Right.OPERATE,
        )


def check_photos(pulse: Pulse) -> Iterator[Problem]:
    if number := pulse.failed:
        yield Problem(
            False,
            ngettext(
                "%(n)s photo cannot be read: its product is not found by it.",
                "%(n)s photos cannot be read: their products are not found by them.",
                number,
            )
            % {"n": number},
            _("Replace such photos, or try again."),
            reverse("admin:indexing_imagefailure_changelist"),
            _("Failed photos"),
        )


def check_drift(pulse: Pulse) -> Iterator[Problem]:
    for last in drift_now():
        if last.is_alarm:
            yield Problem(
                False,
                _("Shoppers search with other photos than when the match levels were calibrated.")
                if last.reference.kind == DriftReference.Kind.QUERIES
                else _("The photos of the catalogue are not what the index was made for."),
                _("See how far they have moved, and what to do."),
                reverse("admin:drift"),
                _("Drift"),
            )


def check_recommendations(pulse: Pulse) -> Iterator[Problem]:
    fresh = pulse.recommendations
    if fresh is not None and fresh.is_late:
        yield Problem(
            False,
            _(
                "Recommendations were trained %(age)s ago. The nightly training has not run, and"
                " the model knows nothing of what shoppers did since."
            )
            % {"age": describe_duration(fresh.age)},
            _("Train now: the run says what is missing."),
            reverse("admin:start_run", args=[Kind.RECOMMENDATIONS]),
            _("Train now"),
            Right.PUBLISH,
        )


def check_load(pulse: Pulse) -> Iterator[Problem]:
    if refused := pulse.refused:
        yield Problem(
            True,
            ngettext(
                "%(n)s search was turned away in the last hour: too many came at once, or it took"
                " too long.",
                "%(n)s searches were turned away in the last hour: too many came at once, or they"
                " took too long.",
                refused,
            )
            % {"n": refused},
            _("Add web processes, or raise SEARCHES_AT_ONCE on a larger machine."),
        )


def check_disk(pulse: Pulse) -> Iterator[Problem]:
    free = free_share()
    if free < LEAST_FREE:
        yield Problem(
            True,
            _("The disk of the photos is nearly full: %(percent)s %% are free.")
            % {"percent": round(100 * free)},
            _("Free space, or move MEDIA_ROOT to a larger disk."),
        )


def free_share() -> float:
    """Returns the free share of the disk of the photos, 0 to 1."""
    folder = settings.MEDIA_ROOT
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


CHECKS: tuple[Callable[[Pulse], Iterator[Problem]], ...] = (
    *(check_index, check_queue, check_runs, check_load, check_disk),
    *(check_sources, check_photos, check_generations, check_drift, check_recommendations),
)
