"""What the first page of the console and the checks of health need to know, in three queries that
cost the same however large the catalogue is."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Case, Value, When
from django.utils import timezone
from django_q.brokers import get_broker
from redis import RedisError

from catalog.models import Generation, Source
from indexing.recommendations.factor_freshness import MAX_EVENTS, FactorFreshness, read_freshness
from indexing.recommendations.factor_freshness import STATEMENT as FRESHNESS

MAX_COUNTED = 1_000  # products and photos; more are shown as "over"
MAX_SOURCES = 200

STATEMENT = f"""
    SELECT
        least((SELECT min(changed_at) FROM catalog_productchange),
              (SELECT min(waiting_since) FROM catalog_imageaddress WHERE state = 'waiting')),
        (SELECT count(*) FROM (SELECT FROM catalog_productchange LIMIT %(most)s) changed),
        (SELECT count(*) FROM (
            SELECT FROM indexing_imagefailure WHERE quarantined LIMIT %(most)s) failed),
        (SELECT min(next_run) FROM django_q_schedule WHERE func LIKE 'indexing.%%'),
        (SELECT count(*) FROM (SELECT FROM django_q_ormq WHERE lock <= now() LIMIT %(most)s) task),
        (SELECT coalesce(sum(number), 0) FROM catalog_refusedsearches
         WHERE minute >= now() - interval '1 hour'),
        (SELECT to_jsonb(fresh) FROM ({FRESHNESS}) fresh)
"""


@dataclass(frozen=True)
class Pulse:
    """The state of an installation. `live`: the live generation; `newest`: the last one that was
    built; `oldest_pending_s`: the age of the oldest change; `pending` and `failed`: products that
    wait and photos that are quarantined, at most MAX_COUNTED + 1; `next_task_at`: when the queue
    runs its next schedule, in the past if it does not run; `queued`: tasks that wait, None if the
    queue cannot be reached; `refused`: searches turned away in the last hour; `sources`: the
    enabled ones, the next to be pulled first; `recommendations`: how fresh they are, None before
    the first training."""

    live: Generation | None
    newest: Generation | None
    oldest_pending_s: float
    pending: int
    failed: int
    next_task_at: datetime | None
    queued: int | None
    refused: int
    sources: list[Source]
    recommendations: FactorFreshness | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether no change is older than FRESHNESS_TARGET_S."""
        return self.oldest_pending_s <= settings.FRESHNESS_TARGET_S


def read_pulse() -> Pulse:
    """Returns the present state."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, {"most": MAX_COUNTED + 1, "events": MAX_EVENTS})
        oldest, pending, failed, next_task_at, queued, refused, fresh = cursor.fetchone()
    age = max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
    live, newest = _read_generations()
    return Pulse(
        live=live,
        newest=newest,
        oldest_pending_s=age,
        pending=pending,
        failed=failed,
        next_task_at=next_task_at,
        queued=_count_in_redis() if settings.REDIS_URL else queued,
        refused=int(refused),
        sources=list(Source.objects.filter(enabled=True).order_by("next_at")[:MAX_SOURCES]),
        recommendations=read_freshness(json.loads(fresh) if fresh else None),
    )


def _read_generations() -> tuple[Generation | None, Generation | None]:
    state = Generation.State
    built = Generation.objects.exclude(state__in=[state.BUILDING, state.DROPPED])
    live_first = Case(When(state=state.LIVE, then=Value(0)), default=Value(1))
    rows = list(
        built.select_related("encoder").defer("nothing_vectors").order_by(live_first, "-pk")[:2]
    )
    live = next((row for row in rows if row.state == state.LIVE), None)
    return live, max(rows, key=lambda row: row.pk, default=None)


def _count_in_redis() -> int | None:
    try:
        return get_broker().queue_size()
    except RedisError:
        return None
