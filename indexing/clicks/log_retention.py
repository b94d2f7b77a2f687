"""Deletes searches, events, bursts and photos when their retention period ends."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import ClickBurst, Event, LoggedSearch, OriginKey, QuerySample
from catalog.models.querysets import ROWS_AT_ONCE, delete_older
from catalog.quality.ranking_experiments import delete_old_sessions

EARLIER_MONTHS = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'catalog_event'::regclass AND inhrelid::regclass::text < %s
        AND inhrelid::regclass::text <> 'catalog_event_other'
"""


def delete_old_searches() -> int:
    """Deletes searches, vectors of queries and bursts older than SEARCH_LOG_DAYS, events older than
    HISTORY_DAYS, words older than SEARCH_LOG_WORDS_DAYS, photos older than SEARCH_LOG_PHOTO_DAYS,
    sessions of old experiments, and the origin keys of earlier days. Makes the partitions of the
    events to come. Returns the number of searches and events."""
    now = timezone.now()
    before = now - timedelta(days=settings.SEARCH_LOG_DAYS)
    total = delete_older(LoggedSearch, before)
    total += _delete_old_events(now - timedelta(days=settings.HISTORY_DAYS))
    delete_old_sessions()
    Event.objects.prepare_months(now, now + timedelta(days=31))
    _forget_words(timezone.now() - timedelta(days=settings.SEARCH_LOG_WORDS_DAYS))
    OriginKey.objects.filter(day__lt=timezone.now().date()).delete()
    ClickBurst.objects.filter(day__lt=before.date()).delete()
    QuerySample.objects.filter(day__lt=before.date()).delete()
    oldest = time.time() - 86_400 * settings.SEARCH_LOG_PHOTO_DAYS
    for photo in settings.SEARCH_LOG_PHOTOS.glob("*"):
        with suppress(FileNotFoundError):  # another worker deleted it
            if photo.stat().st_mtime < oldest:
                photo.unlink()
    return total


def _delete_old_events(before: datetime) -> int:
    """Drops the partitions of earlier months, and deletes the other events before this time."""
    with connection.cursor() as cursor:
        cursor.execute(EARLIER_MONTHS, [f"catalog_event_{before.astimezone(UTC):%Y_%m}"])
        months = [name for (name,) in cursor.fetchall()]
    total = 0
    for month in months:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")  # shoppers queue up behind this lock
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(month)}")
            total += cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(month)}")
    old = Event.objects.filter(at__lt=before).order_by("at")
    while ids := list(old.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        total += Event.objects.filter(at__lt=before, pk__in=ids).delete()[0]
    return total


def _forget_words(before: datetime) -> None:
    old = LoggedSearch.objects.filter(at__lt=before).exclude(words="").values("pk")
    while LoggedSearch.objects.filter(pk__in=old[:ROWS_AT_ONCE]).update(words=""):
        pass
