"""Records shoppers' events."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils import timezone

from catalog.api.request_origin import origin_of, origin_of_shopper
from catalog.models import Event, Product, Variant
from catalog.quality.ranking_experiments import forget_in_experiments
from search.recommendations.experiments import count_clicks


class EventCounts(NamedTuple):
    """`accepted` counts the events that are stored now, `repeated` those among them that were
    stored before, `unknown` those whose product is not in the catalogue, `declined` those that the
    shopper does not want to be stored."""

    accepted: int
    unknown: int
    repeated: int = 0
    declined: int = 0


def record_events(
    events: Sequence[dict[str, Any]], address: str, channel: str = Event.Channel.FILE
) -> EventCounts:
    """Stores the validated events of a client at this address, or of a file if it is "". `channel`:
    how they came. A server with a secret key vouches for its shoppers: each is an origin."""
    origin = origin_of(address)
    vouched = channel == Event.Channel.SERVER
    products = _find_products(events)
    rows = [
        _row(event, product, origin_of_shopper(_name(event)) if vouched else origin, channel)
        for event, product in zip(events, products, strict=True)
        if product
    ]
    stored = Event.objects.insert_once(rows)
    if channel != Event.Channel.FILE:
        count_clicks(rows)
    return EventCounts(len(rows), len(events) - len(rows), repeated=len(rows) - stored)


def forget_sender(user: str = "", session: str = "") -> int:
    """Deletes the events of a user, or of a session, and returns their number. Experiments forget
    the user or session too."""
    deleted, _ = Event.objects.of_sender(user, session).delete()
    forget_in_experiments(user, session)
    return deleted


def _find_products(events: Sequence[dict[str, Any]]) -> list[int | None]:
    """Returns the id of each event's product, or None if the product is not in the catalogue."""
    products = Product.objects.values_list("pk", flat=True)
    ids = set(products.filter(pk__in=[e["product"] for e in events if "product" in e]))
    skus = {event["sku"] for event in events if "sku" in event}
    by_sku = _find_by_sku(skus) if skus else {}
    return [
        by_sku.get(e["sku"]) if "sku" in e else (e["product"] if e["product"] in ids else None)
        for e in events
    ]


def _find_by_sku(skus: set[str]) -> dict[str, int]:
    """Returns the ids of the products with these skus, or with variants that have them."""
    variants = Variant.objects.filter(sku__in=skus).values_list("sku", "product_id")
    return dict(variants) | dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))


def _name(event: dict[str, Any]) -> str:
    return f"user {event['user']}" if event["user"] else f"session {event['session']}"


def _row(event: dict[str, Any], product_id: int, origin: str, channel: str) -> Event:
    return Event(
        type=event["type"],
        product_id=product_id,
        user=event["user"],
        session=event["session"],
        query_id=event["query"],
        origin=origin,
        channel=channel,
        at=event.get("at") or timezone.now(),
    )
