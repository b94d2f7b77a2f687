"""Deletes searches, events, bursts and photos when their retention period ends."""

import time
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from catalog.models import ClickBurst, Event, LoggedSearch, OriginKey, QuerySample
from catalog.models.querysets import ROWS_AT_ONCE, delete_older


def delete_old_searches() -> int:
    """Deletes searches, vectors of queries, events and bursts older than SEARCH_LOG_DAYS, words
    older than SEARCH_LOG_WORDS_DAYS, photos older than SEARCH_LOG_PHOTO_DAYS, and the origin keys
    of earlier days. Returns the number of searches and events."""
    before = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    total = delete_older(LoggedSearch, before) + delete_older(Event, before)
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


def _forget_words(before: datetime) -> None:
    old = LoggedSearch.objects.filter(at__lt=before).exclude(words="").values("pk")
    while LoggedSearch.objects.filter(pk__in=old[:ROWS_AT_ONCE]).update(words=""):
        pass
