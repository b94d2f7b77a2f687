"""What shoppers do with products, as it is recorded."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from catalog.models import Event, Product
from search.events.request_origin import origin_of


def record_events(events: Sequence[dict[str, Any]], address: str) -> tuple[int, int]:
    """Stores the checked events that a client at this address tells. Gives how many were stored,
    and how many are of products that are not in the catalogue."""
    origin = origin_of(address)
    known = _known_products(events)
    rows = [
        _row(event, product, origin)
        for event, product in zip(events, known, strict=True)
        if product
    ]
    Event.objects.bulk_create(rows)
    return len(rows), len(events) - len(rows)


def _known_products(events: Sequence[dict[str, Any]]) -> list[int | None]:
    """The id of each event's product, None where it is not in the catalogue."""
    products = Product.objects.values_list("pk", flat=True)
    ids = set(products.filter(pk__in=[e["product"] for e in events if "product" in e]))
    skus = {event["sku"] for event in events if "sku" in event}
    by_sku = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk")) if skus else {}
    return [
        by_sku.get(e["sku"]) if "sku" in e else (e["product"] if e["product"] in ids else None)
        for e in events
    ]


def _row(event: dict[str, Any], product_id: int, origin: str) -> Event:
    return Event(
        type=event["type"],
        product_id=product_id,
        user=event["user"],
        session=event["session"],
        query_id=event["query"],
        origin=origin,
        at=event.get("at") or timezone.now(),
    )
