"""The page about the history of shoppers: how many events came by which way, how fresh the factor
model is that was learned from them, and how much of the catalogue recommendations reach."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.db import connection
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from catalog.models import Event, FactorModel, Measurement
from indexing.console.charts import Chart, draw_chart
from indexing.monitoring.durations import describe_duration
from indexing.recommendations.factor_freshness import MAX_EVENTS, TARGET, factor_freshness

TEMPLATE = "admin/catalog/factormodel/history.html"
DAYS = 30
MAX_READ = 200_000  # events; of a longer history, a sample of blocks is read
KNOWN_ROWS = """
    SELECT coalesce(sum(greatest(reltuples, 0)), 0) FROM pg_class
    WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'catalog_event'::regclass)
"""
EVENTS_BY_DAY = """
    SELECT (at AT TIME ZONE 'UTC')::date, type, channel, count(*)
    FROM catalog_event TABLESAMPLE SYSTEM (%(percent)s) REPEATABLE (1)
    WHERE at >= %(since)s AND at <= %(until)s GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class EventCounts:
    """Events of the last DAYS days: numbers by (day, type, channel). `is_estimated`: whether they
    were counted in a sample."""

    numbers: dict[tuple[date, str, str], int]
    is_estimated: bool

    def of_day(self, day: date, kind: str) -> int:
        return sum(n for (at, type_, way), n in self.numbers.items() if (at, type_) == (day, kind))

    def of_channel(self, channel: str, kind: str) -> int:
        return sum(n for (day, t, c), n in self.numbers.items() if (c, t) == (channel, kind))


def show_history(request: HttpRequest, of: ModelAdmin) -> TemplateResponse:
    """Shows the page, with a handful of queries that cost the same however long the history is."""
    counts = count_events()
    fresh = factor_freshness()
    context = {
        **of.admin_site.each_context(request),
        "title": _("History of shoppers"),
        "opts": of.opts,
        "fresh": fresh,
        "age": describe_duration(fresh.age) if fresh else "",
        "target": describe_duration(TARGET),
        "most": MAX_EVENTS,
        "reach": describe_reach(),
        "charts": draw_days(counts),
        "kinds": list(_names_of("type").values()),
        "channels": list_channels(counts),
        "is_estimated": counts.is_estimated,
        "days": DAYS,
        "history_days": settings.HISTORY_DAYS,
        "may_publish": may(request.user, Right.PUBLISH),
    }
    return TemplateResponse(request, TEMPLATE, context)


def count_events() -> EventCounts:
    """Counts the events of the last DAYS days. Of a long history it reads a sample, and returns
    estimates."""
    until = timezone.now()
    since = (until - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0)
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_ROWS)
        percent = min(100.0, 100 * MAX_READ / max(1.0, float(cursor.fetchone()[0])))
        cursor.execute(EVENTS_BY_DAY, {"percent": percent, "since": since, "until": until})
        rows = cursor.fetchall()
    numbers = {(day, kind, way): round(n * 100 / percent) for day, kind, way, n in rows}
    return EventCounts(numbers, percent < 100)


def draw_days(counts: EventCounts) -> list[Chart]:
    """Returns a chart for views and clicks, and one for the rarer kinds."""
    today = timezone.now().date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    labels = [date_format(day, "d.m.") for day in days]
    kind = Event.Type
    charts = (
        (_("Views and clicks a day"), (kind.VIEW, kind.CLICK)),
        (_("Other events a day"), (kind.CART, kind.PURCHASE, kind.WRONG)),
    )
    names = _names_of("type")
    return [
        draw_chart(
            title,
            labels,
            {str(names[of]): [float(counts.of_day(day, of)) for day in days] for of in kinds},
        )
        for title, kinds in charts
    ]


def list_channels(counts: EventCounts) -> list[tuple[str, list[int]]]:
    """Returns the name of each way that events came by, with their numbers by kind."""
    listed = [
        (name, [counts.of_channel(channel, kind) for kind in Event.Type.values])
        for channel, name in (*_names_of("channel").items(), ("", _("not recorded")))
    ]
    return [(name, numbers) for name, numbers in listed if sum(numbers)]


def _names_of(field: str) -> dict[str, Any]:
    """Returns the names of the choices of a field of events, in the reader's language."""
    choices: Any = Event._meta.get_field(field)
    return dict(choices.flatchoices)


def describe_reach() -> dict[str, Any]:
    """Returns how many products the live model has, and what share of those with a history was
    recommended to somebody when it was measured. {} without a live model."""
    model = FactorModel.objects.filter(state="live").defer("gram_bytes", "ridge_bytes").first()
    if model is None:
        return {}
    measured = Measurement.objects.first()
    learned = model.figures.get("learned_products", 0)
    others = model.figures.get("other_products", 0)
    total = (measured.figures if measured else {}).get("products_total")
    coverage = model.figures.get("factors", {}).get("coverage")
    return {
        "model": model.pk,
        "learned": learned,
        "others": others,
        "total": total,
        "share": min(100, round(100 * (learned + others) / total)) if total else None,
        "coverage": None if coverage is None else round(100 * coverage),
        "shoppers": model.figures.get("measured_shoppers"),
    }
