"""The page about drift: how far photos have moved since the match levels were calibrated, week by
week, and what to do about an alarm."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from catalog.index.live_index import live_generation
from indexing.console.charts import draw_chart
from indexing.models import DriftMeasurement, DriftReference
from indexing.monitoring.drift.measuring import INTERVAL, MIN_VECTORS, drift_now
from indexing.monitoring.drift.two_samples import ALARM_SHARE

TEMPLATE = "admin/catalog/encoderversion/drift.html"
SHOWN = timedelta(days=365)


def show_drift(request: HttpRequest, of: ModelAdmin) -> TemplateResponse:
    """Shows the weeks of a year, across generations."""
    live = live_generation()
    references = {
        reference.kind: reference.taken_at
        for reference in DriftReference.objects.filter(
            generation=live, adapter=live.query_adapter if live else None
        ).defer("vectors")
    }
    last = {row.reference.kind: row for row in drift_now()}
    weeks = (
        DriftMeasurement.objects.filter(at__gte=timezone.now() - SHOWN)
        .select_related("reference")
        .defer("reference__vectors")
        .order_by("at")
    )
    context = {
        **of.admin_site.each_context(request),
        "title": _("Drift"),
        "opts": of.opts,
        "parts": [
            _describe(kind, references.get(kind), last.get(kind)) for kind in DriftReference.Kind
        ],
        "charts": _draw(list(weeks)),
        "false_alarms": round(100 * (1 - ALARM_SHARE)),
        "is_logged": bool(settings.SEARCH_LOG_DAYS),
        "may_publish": may(request.user, Right.PUBLISH),
    }
    return TemplateResponse(request, TEMPLATE, context)


def name_drift(kind: str) -> str:
    """Returns the name of what drifts."""
    if kind == DriftReference.Kind.QUERIES:
        return _("Photos of shoppers")
    return _("Photos of the catalogue")


def _describe(
    kind: str, taken_at: datetime | None, last: DriftMeasurement | None
) -> dict[str, Any]:
    """Returns the name, the state and what to do about photos of a kind."""
    if last is not None:
        values = {
            "ratio": number_format(round(last.ratio, 2), 2),
            "n": last.vectors,
            "at": _date(last.at),
        }
        sentence = _("%(ratio)s times the alarm level, from %(n)s photos, on %(at)s.") % values
    elif taken_at is not None:
        values = {"at": _date(taken_at), "due": _date(taken_at + INTERVAL)}
        sentence = _("Compared with %(at)s from %(due)s on.") % values
    else:
        sentence = _(
            "Not measured yet: photos to compare with are taken at night, once there are %(n)s."
        ) % {"n": MIN_VECTORS}
    return {
        "name": name_drift(kind),
        "sentence": sentence,
        "is_alarm": last is not None and last.is_alarm,
        "is_queries": kind == DriftReference.Kind.QUERIES,
    }


def _draw(weeks: list[DriftMeasurement]) -> list[Any]:
    charts = []
    for kind in DriftReference.Kind:
        rows = [week for week in weeks if week.reference.kind == kind]
        if rows:
            labels = [date_format(week.at, "d.m.") for week in rows]
            lines = {
                _("distance in alarm levels"): [round(week.ratio, 2) for week in rows],
                _("alarm"): [1.0] * len(rows),
            }
            charts.append(draw_chart(name_drift(kind), labels, lines))
    return charts


def _date(at: datetime) -> str:
    return date_format(at, "Y-m-d")
