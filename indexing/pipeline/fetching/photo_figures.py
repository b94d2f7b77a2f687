"""Counts the photos that come from web addresses, for the index status."""

from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg import sql

from catalog.models import ImageAddress

State = ImageAddress.State


def photo_figures() -> dict[str, Any]:
    """Returns the number of addresses in each state, and how long the oldest has waited for its
    first fetch, in seconds. `due`: those that the next fetch tries."""
    counts = {state.name.lower(): 0 for state in State}
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM catalog_imageaddress GROUP BY state")
        counts.update({State(state).name.lower(): number for state, number in cursor.fetchall()})
    oldest = waiting_addresses().order_by("waiting_since").first()
    waited = (timezone.now() - oldest.waiting_since).total_seconds() if oldest else 0.0
    due = ImageAddress.objects.due().count()
    return {**counts, "due": due, "oldest_waiting_s": round(max(0.0, waited), 1)}


def waiting_addresses() -> Any:
    """Returns the addresses that have not been tried yet."""
    return ImageAddress.objects.filter(state=State.WAITING)


def products_in(*states: str) -> sql.Composable:
    """Returns a query of the products that lack a photo because its address is in one of these
    states: `product_id`."""
    return sql.SQL(
        """
        SELECT named.product_id FROM catalog_addressedimage named
        JOIN catalog_imageaddress address ON address.id = named.address_id
        WHERE address.state <> 'fetched' AND address.state = ANY({states})
            AND address.content_hash = ''
        """
    ).format(states=sql.Literal(list(states)))


def describe_photos(figures: dict[str, Any]) -> str:
    """Describes the figures in one line."""
    return (
        f"{figures['fetched']} fetched, {figures['waiting']} waiting (the oldest for"
        f" {figures['oldest_waiting_s']:.0f} s), {figures['failed']} failed and tried again,"
        f" {figures['given_up']} given up"
    )
