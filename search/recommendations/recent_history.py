"""Reads what a shopper did lately."""

from dataclasses import dataclass

import numpy as np

from catalog.index.preferences import EVENT_WEIGHTS, MAX_WEIGHT, decay
from catalog.index.prepared_sql import fetch_rows

MAX_EVENTS = 200
# Each index is of the events that name a user, or a session. So these two statements name it too.
EVENTS_OF = {
    name: f"""
        SELECT product_id, type, (extract(epoch FROM now() - at) / 86400)::float8 AS age
        FROM catalog_event WHERE "{name}" = %s AND "{name}" <> '' ORDER BY id DESC
        LIMIT {MAX_EVENTS}
    """
    for name in ("user", "session")
}


@dataclass(frozen=True)
class RecentHistory:
    """The products of a shopper's latest events (n,), the latest first, each once, and the weights
    of the preferences for them, negative for rejected ones."""

    products: list[int]
    weights: np.ndarray

    @property
    def liked(self) -> list[int]:
        """The products that were not rejected, the latest first."""
        return [pk for pk, weight in zip(self.products, self.weights, strict=True) if weight > 0]


def read_recent(user: str = "", session: str = "") -> RecentHistory:
    """Reads the latest events of a user, or else of a session. Without either, there are none."""
    if not user and not session:
        return RecentHistory([], np.empty(0))
    statement, sender = (EVENTS_OF["user"], user) if user else (EVENTS_OF["session"], session)
    rows = fetch_rows(statement, [sender])
    weights: dict[int, float] = {}
    for (pk, kind, _), counts in zip(rows, decay(np.array([row.age for row in rows])), strict=True):
        weights[pk] = weights.get(pk, 0.0) + EVENT_WEIGHTS[kind] * float(counts)
    values = np.clip(np.array(list(weights.values())), -MAX_WEIGHT, MAX_WEIGHT)
    return RecentHistory(list(weights), values)
