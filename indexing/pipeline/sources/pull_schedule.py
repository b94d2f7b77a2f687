"""When sources are pulled, and when a refresh has to follow."""

import random
from datetime import datetime, timedelta

from croniter import CroniterError, croniter
from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone

from catalog.index.live_index import live_generation
from catalog.models import ProductImport, Source
from indexing.models import IndexingRun

PAUSES_S = (60, 600, 3600, 6 * 3600, 86_400)  # after the first failure, the second, …
JITTER = 0.2  # a pause is up to this share longer
MAX_RETRY_AFTER_S = 86_400.0
_OF_RUNS = Q(source__isnull=False) | ~Q(upload="")  # not those of the command import_products


def is_cron(text: str) -> bool:
    """Returns whether the text is a cron expression of five fields that matches a future time."""
    try:
        croniter(text).get_next()
    except (CroniterError, ValueError, TypeError, OverflowError):
        return False
    return len(text.split()) == 5


def next_pull(source: Source, now: datetime | None = None) -> datetime | None:
    """Returns the next time of a source's schedule; None if the source is not enabled."""
    if not source.enabled:
        return None
    cron = source.cron if is_cron(source.cron) else settings.SOURCE_CRON
    return croniter(cron, now or timezone.now()).get_next(datetime)


def next_attempt(
    source: Source, attempts: int, retry_after_s: float, is_final: bool
) -> datetime | None:
    """Returns when to try again after this number of failures in a row: after growing pauses; if
    it would fail again, at the next time of the schedule."""
    planned = next_pull(source)
    if planned is None or is_final:
        return planned
    pause = PAUSES_S[min(attempts, len(PAUSES_S)) - 1] * random.uniform(1, 1 + JITTER)
    wanted = min(retry_after_s, MAX_RETRY_AFTER_S)
    return timezone.now() + timedelta(seconds=max(pause, wanted))


def refresh_is_wanted() -> bool:
    """Returns whether an import of a source or of an uploaded file has changed the catalogue, or
    was taken back, since the last refresh began. An import that runs is waited for."""
    if (
        live_generation() is None
        or ProductImport.objects.filter(
            _OF_RUNS, state__in=[ProductImport.State.RUNNING, ProductImport.State.UNDOING]
        ).exists()
    ):
        return False
    unfinished = IndexingRun.objects.filter(
        kind__in=[IndexingRun.Kind.REFRESH, IndexingRun.Kind.REBUILD],
        state__in=IndexingRun.UNFINISHED,
    )
    if unfinished.exists():
        return False
    changes = Q(added__gt=0) | Q(changed__gt=0) | Q(hidden__gt=0) | Q(removed__gt=0)
    imports = ProductImport.objects.filter(changes & _OF_RUNS)
    last = imports.aggregate(at=Max("finished_at"), undone=Max("undone_at"))
    times = [moment for moment in last.values() if moment]
    refreshes = IndexingRun.objects.filter(kind=IndexingRun.Kind.REFRESH)
    refreshed = refreshes.values_list("created_at", flat=True).first()
    return bool(times) and (refreshed is None or max(times) > refreshed)
