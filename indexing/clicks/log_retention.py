"""Keeps the search log no longer than the settings say."""

import time
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from catalog.models import ClickBurst, OriginKey

DELETED_AT_ONCE = 5_000


def forget_old_searches() -> int:
    """Deletes searches, events and photos past their days, in small parts, and the keys of origins
    of earlier days; gives how many searches and events."""
    before = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    gone = 0
    for table in ("catalog_loggedsearch", "catalog_event"):
        while deleted := _delete_some(table, before):
            gone += deleted
    OriginKey.objects.filter(day__lt=timezone.now().date()).delete()
    ClickBurst.objects.filter(day__lt=before.date()).delete()
    oldest = time.time() - 86_400 * settings.SEARCH_LOG_PHOTO_DAYS
    for photo in settings.SEARCH_LOG_PHOTOS.glob("*"):
        with suppress(FileNotFoundError):  # another worker was faster
            if photo.stat().st_mtime < oldest:
                photo.unlink()
    return gone


def _delete_some(table: str, before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE at < %s LIMIT %s)",
            [before, DELETED_AT_ONCE],
        )
        return cursor.rowcount
