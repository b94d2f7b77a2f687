"""Reads and changes what is known of addresses."""

from datetime import timedelta

from django.utils import timezone

from catalog.models import ImageAddress, ProductImage
from catalog.models.product import content_hash
from indexing.pipeline.fetching.fetch_round import fetch_due_photos


def fetch() -> int:
    """Fetches what is due, and returns the number of addresses that were tried."""
    return fetch_due_photos(lambda: None)


def known(url: str) -> ImageAddress:
    return ImageAddress.objects.get(address=url)


def let_pass(**span: float) -> None:
    """Moves all times into the past, as if this time had passed."""
    passed = timedelta(**span)
    for row in ImageAddress.objects.all():
        for name in ("waiting_since", "next_at", "claimed_at", "claimed_until", "fetched_at"):
            moment = getattr(row, name)
            setattr(row, name, moment and moment - passed)
        row.save()


def minutes_left(url: str) -> float:
    """Returns the minutes until the next attempt."""
    next_at = known(url).next_at
    assert next_at is not None
    return (next_at - timezone.now()).total_seconds() / 60


def photos_of(sku: str) -> list[tuple[int, str]]:
    """Returns (position, content hash) of each photo of a product."""
    images = ProductImage.objects.filter(product__sku=sku).order_by("position")
    return list(images.values_list("position", "content_hash"))


def hashed(*photos: bytes) -> list[tuple[int, str]]:
    """Returns what `photos_of` returns for these photos at the positions 0, 1, …"""
    return [(position, content_hash(data)) for position, data in enumerate(photos)]
