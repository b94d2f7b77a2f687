"""The photos of searches in which shoppers clicked a product.

The search log keeps photos only if SEARCH_LOG_PHOTO_DAYS is not 0. It keeps the first photo of a
search, and not the box that was drawn in it."""

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.clicks.counted_clicks import create_reported_clicks

MAX_CLICKS = 5_000  # the newest

CLICKED = """
    SELECT click.query_id, click.product_id
    FROM reported_click click JOIN catalog_loggedsearch search USING (query_id)
    WHERE click.counts AND search.kind = 'photo' ORDER BY click.at DESC LIMIT %s
"""


class ClickedPhoto(NamedTuple):
    """The photo of a search, and a product that was clicked in its results."""

    query_id: str
    product_id: int
    file: Path


def read_clicked_photos() -> list[ClickedPhoto]:
    """Returns the newest clicks that count whose photos are kept, by `indexing.clicks`' rules."""
    if not settings.SEARCH_LOG_PHOTO_DAYS:
        return []
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_PHOTO_DAYS)
    with transaction.atomic(), connection.cursor() as cursor:
        create_reported_clicks(cursor, since)
        cursor.execute(CLICKED, [MAX_CLICKS])
        rows = cursor.fetchall()
    clicked = (
        ClickedPhoto(query_id, product_id, settings.SEARCH_LOG_PHOTOS / query_id)
        for query_id, product_id in rows
    )
    return [photo for photo in clicked if photo.file.exists()]
