"""How fresh recommendations are: when they were trained, and what has happened since."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from indexing.recommendations.learning_factors import MIN_SHOPPERS

TARGET = timedelta(hours=36)  # training runs every night
MAX_EVENTS = 2_000  # since the training; more are not counted
# A model that is being built may never be finished. A roll back does not make the training older.
STATEMENT = """
    WITH model AS (
        SELECT max(created_at) AS trained_at, max(id) FILTER (WHERE state = 'live') AS live
        FROM catalog_factormodel WHERE state <> 'building')
    SELECT trained_at, live, since.events, since.shoppers FROM model CROSS JOIN LATERAL (
        SELECT count(*) AS events, count(DISTINCT (event."user", event.session)) AS shoppers
        FROM (SELECT "user", session FROM catalog_event
              WHERE at > model.trained_at AND at <= now() LIMIT %(events)s) event) since
    WHERE trained_at IS NOT NULL
"""


@dataclass(frozen=True)
class FactorFreshness:
    """`model`: the id of the live factor model, None if none is; `trained_at`: until when the last
    training knew the events; `events` and `shoppers`: of the time since, at most MAX_EVENTS."""

    trained_at: datetime
    model: int | None
    events: int
    shoppers: int

    @property
    def age(self) -> timedelta:
        return timezone.now() - self.trained_at

    @property
    def is_late(self) -> bool:
        """Whether a training is overdue that would have had something to learn from."""
        return self.age > TARGET and self.shoppers >= MIN_SHOPPERS


def read_freshness(row: dict[str, Any] | None) -> FactorFreshness | None:
    """Returns the state from a row of STATEMENT as JSON, or None before the first training."""
    if row is None:
        return None
    at = datetime.fromisoformat(row["trained_at"])
    return FactorFreshness(at, row["live"], row["events"], row["shoppers"])


def factor_freshness() -> FactorFreshness | None:
    """Returns the present state in one query, or None before the first training."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(fresh) FROM ({STATEMENT}) fresh", {"events": MAX_EVENTS})
        row = cursor.fetchone()
    return read_freshness(json.loads(row[0]) if row else None)
