"""Measurements for the charts of the console. A task of the queue takes one every five minutes, so
they survive restarts and are the same for all web processes."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from catalog.models import Measurement, RefusedSearches
from indexing.monitoring.freshness import index_status

INTERVAL = timedelta(minutes=5)
MAX_SEARCHES = 20_000  # the newest of an interval, from which it is measured
MAX_POINTS = 200  # of a chart
STAGES = ("decode", "embed", "retrieve", "rank", "total")

# Pages after the first belong to a search that is counted already.
SEARCHES = """
    SELECT count(*), count(*) FILTER (WHERE best_match = 'weak'),
           count(*) FILTER (WHERE cardinality(products) = 0),
           (SELECT coalesce(sum(number), 0) FROM catalog_refusedsearches WHERE minute >= %s),
           {percentiles}
    FROM (SELECT * FROM catalog_loggedsearch WHERE at >= %s AND "offset" = 0
          ORDER BY at DESC LIMIT %s) AS recent
"""
PERCENTILES = (
    "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY (timings_ms->>'{0}')::float8)"
)
SERIES = """
    SELECT date_bin(%s, at, TIMESTAMPTZ 'epoch') AS step, {columns}
    FROM catalog_measurement WHERE at >= %s GROUP BY step ORDER BY step
"""


def take_measurement() -> Measurement:
    """Measures the index now and the searches since the last measurement, and removes measurements
    that are older than MEASUREMENT_DAYS."""
    now = timezone.now()
    last = Measurement.objects.first()
    since = max(last.at if last else now - INTERVAL, now - timedelta(hours=1))
    status = index_status()
    figures = {
        **{f"products_{name}": count for name, count in status["products"].items()},
        **{name: status["freshness"][name] for name in ("lag_p50_s", "lag_p95_s")},
        "oldest_pending_s": status["freshness"]["oldest_pending_s"],
        **measure_searches(since),
        "period_s": (now - since).total_seconds(),
    }
    measured = Measurement.objects.create(at=now, figures=figures)
    oldest = now - timedelta(days=settings.MEASUREMENT_DAYS)
    Measurement.objects.filter(at__lt=oldest).delete()
    RefusedSearches.objects.filter(minute__lt=oldest).delete()
    return measured


def measure_searches(since: datetime) -> dict[str, Any]:
    """Returns how many searches there were since then, how many of these had only weak results or
    none, how many were refused, and the percentiles of each stage in ms."""
    percentiles = ", ".join(PERCENTILES.format(stage) for stage in STAGES)
    with connection.cursor() as cursor:
        minute = since.replace(second=0, microsecond=0)
        statement = SEARCHES.format(percentiles=percentiles)
        cursor.execute(statement, [minute, since, MAX_SEARCHES])
        searches, weak, empty, refused, *by_stage = cursor.fetchone()
    figures = {"searches": searches, "weak": weak, "empty": empty, "refused": int(refused)}
    for stage, values in zip(STAGES, by_stage, strict=True):
        for name, value in zip(("p50", "p95"), values or (None, None), strict=True):
            figures[f"{stage}_{name}_ms"] = None if value is None else round(value, 1)
    return figures


def read_series(
    names: dict[str, str], days: int
) -> tuple[list[datetime], dict[str, list[float | None]]]:
    """Returns the times of at most about MAX_POINTS steps of the last days, and the series of each
    figure. `names`: figure → how a step combines its measurements, avg, max or sum."""
    step = max(INTERVAL, timedelta(days=days) / MAX_POINTS)
    columns = ", ".join(
        f"{how}((figures->>'{name}')::float8) AS {name}" for name, how in names.items()
    )
    with connection.cursor() as cursor:
        since: list[Any] = [step, timezone.now() - timedelta(days=days)]
        cursor.execute(SERIES.format(columns=columns), since)
        rows = cursor.fetchall()
    series = {name: [row[number] for row in rows] for number, name in enumerate(names, 1)}
    return [row[0] for row in rows], series
