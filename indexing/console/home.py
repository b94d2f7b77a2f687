"""The first page of the console: is search healthy, and how has it fared over days?"""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from catalog.console.translated_names import name_search_stage
from catalog.models import Measurement
from indexing.console.charts import Chart, draw_chart
from indexing.console.run_rows import describe_runs
from indexing.monitoring.durations import describe_duration
from indexing.monitoring.freshness import next_refresh_at
from indexing.monitoring.health import find_problems, free_share
from indexing.monitoring.measurements import STAGES, measure_searches, read_series
from indexing.monitoring.pulse import MAX_COUNTED, Pulse, read_pulse
from indexing.recommendations.factor_freshness import FactorFreshness

DAYS = (1, 7, 30)
SERIES = {
    "lag_p50_s": "avg",
    "lag_p95_s": "max",
    "products_pending": "max",
    "searches": "sum",
    "refused": "sum",
    "weak": "sum",
    "total_p50_ms": "avg",
    "total_p95_ms": "max",
}


def describe_index(request: HttpRequest) -> dict[str, Any]:
    """Returns what the first page shows. It makes about a dozen small queries."""
    days = _days(request)
    pulse = read_pulse()
    problems = find_problems(pulse)
    hour = measure_searches(timezone.now() - timedelta(hours=1))
    return {
        "problems": [(problem, may(request.user, problem.needs)) for problem in problems],
        "is_severe": bool(problems) and problems[0].severe,
        "live": pulse.live,
        "counts": _counts(pulse),
        "hour": hour,
        "weak_share": _share(hour["weak"] + hour["empty"], hour["searches"]),
        "stages": [
            (name_search_stage(s), hour[f"{s}_p50_ms"], hour[f"{s}_p95_ms"]) for s in STAGES
        ],
        "free_percent": round(100 * free_share()),
        "next_refresh_at": next_refresh_at(),
        "next_pull_at": next((s.next_at for s in pulse.sources), None),
        "recommendations": pulse.recommendations,
        "recommendations_age": describe_age(pulse.recommendations),
        "moving": describe_runs(request.user),
        "charts": make_charts(days),
        "days": days,
        "all_days": DAYS,
        "may_operate": may(request.user, Right.OPERATE),
        "may_publish": may(request.user, Right.PUBLISH),
    }


def describe_age(fresh: FactorFreshness | None) -> str:
    """Returns how long ago recommendations were trained, in words."""
    return describe_duration(fresh.age) if fresh else ""


def make_charts(days: int) -> list[Chart]:
    """Returns the charts of the last days; none before there are two measurements."""
    times, series = read_series(SERIES, days)
    if len(times) < 2:
        return []
    weak = [
        None if not n else round(100 * (w or 0) / n, 1)
        for w, n in zip(series["weak"], series["searches"], strict=True)
    ]
    minutes = {
        name: [None if v is None else round(v / 60, 1) for v in series[name]]
        for name in ("lag_p50_s", "lag_p95_s")
    }
    milliseconds = {
        name: [None if v is None else round(v, 1) for v in series[name]]
        for name in ("total_p50_ms", "total_p95_ms")
    }
    lines: list[tuple[str, dict[str, list[float | None]]]] = [
        (
            _("Delay from a change until it is found, minutes"),
            {_("median"): minutes["lag_p50_s"], _("95 of 100"): minutes["lag_p95_s"]},
        ),
        (_("Products that wait"), {_("waiting"): series["products_pending"]}),
        (
            _("Searches"),
            {_("answered"): series["searches"], _("turned away"): series["refused"]},
        ),
        (
            _("Duration of a search, ms"),
            {
                _("median"): milliseconds["total_p50_ms"],
                _("95 of 100"): milliseconds["total_p95_ms"],
            },
        ),
        (_("Searches with weak results only, %"), {_("weak"): weak}),
    ]
    form = "H:i" if days == 1 else "d.m. H:i"
    labels = [date_format(at, form) for at in times]
    return [draw_chart(title, labels, of_chart) for title, of_chart in lines]


def _counts(pulse: Pulse) -> dict[str, Any]:
    """Returns the numbers of products: those that wait or failed as they are now, and all and the
    indexed ones as they were measured last."""
    measured = Measurement.objects.first()
    figures = measured.figures if measured else {}
    return {
        "total": figures.get("products_total"),
        "indexed": figures.get("products_indexed"),
        "at": measured.at if measured else None,
        "pending": pulse.pending,
        "failed": pulse.failed,
        "most": MAX_COUNTED,
    }


def _days(request: HttpRequest) -> int:
    given = request.GET.get("days", "")
    return int(given) if given in map(str, DAYS) else 7


def _share(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
