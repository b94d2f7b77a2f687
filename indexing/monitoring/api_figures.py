"""Figures of keys, imports and webhooks for Prometheus, from the database."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Case, CharField, Count, F, Max, Q, Value, When
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.models import ApiKey, ProductImport, WebhookDelivery

ACTIVE = timedelta(hours=1)
PLACES = ("source", "api", "file")
_PLACE = Case(
    When(source__isnull=False, then=Value("source")),
    When(api_key__isnull=False, then=Value("api")),
    default=Value("file"),
    output_field=CharField(),
)


class ApiCollector(Collector):
    """Keys by kind and state, imports by place and state, and deliveries of webhooks, as gauges."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _count_keys()
        yield from _count_imports()
        yield _count_deliveries()


def _count_keys() -> Iterator[Metric]:
    now = timezone.now()
    keys = ApiKey.objects.values_list("kind", "revoked_at", "expires_at", "last_used_at")
    counts: Counter[tuple[str, str]] = Counter()
    active: Counter[str] = Counter()
    for kind, revoked_at, expires_at, last_used_at in keys:
        expired = expires_at is not None and expires_at <= now
        counts[kind, "revoked" if revoked_at else "expired" if expired else "usable"] += 1
        active[kind] += last_used_at is not None and now - last_used_at < ACTIVE
    by_state = GaugeMetricFamily(
        "vitrina_api_keys", "keys of the API by kind and state", labels=["kind", "state"]
    )
    used = GaugeMetricFamily(
        "vitrina_api_keys_active", "keys that were used within an hour", labels=["kind"]
    )
    for kind in ApiKey.Kind.values:
        used.add_metric([kind], active[kind])
        for state in ("usable", "expired", "revoked"):
            by_state.add_metric([kind, state], counts[kind, state])
    yield by_state
    yield used


def _count_imports() -> Iterator[Metric]:
    succeeded = Q(state=ProductImport.State.SUCCEEDED)
    grouped = (
        ProductImport.objects.order_by()
        .annotate(place=_PLACE)
        .values("place", "state")
        .annotate(number=Count("pk"), last=Max(F("finished_at"), filter=succeeded))
    )
    rows = {(row["place"], row["state"]): row for row in grouped}
    imports = GaugeMetricFamily(
        "vitrina_imports",
        "remembered imports of products by place and state",
        labels=["place", "state"],
    )
    last = GaugeMetricFamily(
        "vitrina_import_last_success_timestamp_seconds",
        "when the last import that changed something succeeded",
        labels=["place"],
    )
    for place in PLACES:
        for state in ProductImport.State.values:
            row = rows.get((place, state))
            imports.add_metric([place, state], row["number"] if row else 0)
            if row and row["last"]:
                last.add_metric([place], row["last"].timestamp())
    yield imports
    yield last


def _count_deliveries() -> Metric:
    waiting = Q(next_at__isnull=False)
    counts = WebhookDelivery.objects.aggregate(
        waiting=Count("pk", filter=waiting & Q(attempts=0)),
        failing=Count("pk", filter=waiting & Q(attempts__gt=0)),
        given_up=Count("pk", filter=~waiting & Q(delivered_at=None)),
        delivered=Count("pk", filter=Q(delivered_at__isnull=False)),
    )
    family = GaugeMetricFamily(
        "vitrina_webhook_deliveries",
        "deliveries of webhooks of the last days by state",
        labels=["state"],
    )
    for state, count in counts.items():
        family.add_metric([state], count)
    return family
