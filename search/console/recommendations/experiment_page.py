"""The page of an experiment: what each ranking showed and what was opened, with intervals, and
whether the two can be told apart."""

from dataclasses import dataclass

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from catalog.models import RankingExperiment
from catalog.quality.ranking_experiments import MAX_SESSIONS_OF_ORIGIN, adopted_last, read_sums
from catalog.quality.rate_difference import (
    MIN_CLICKS,
    MIN_SESSIONS,
    ArmSums,
    are_halves,
    are_told_apart,
    has_enough,
    rate_difference,
)
from search.console.recommendations.ranking_names import name_ranking

TEMPLATE = "admin/catalog/rankingexperiment/experiment.html"


@dataclass(frozen=True)
class Arm:
    """A ranking with what was counted. `rate`, `low` and `high`: clicks for each 100 products
    shown, with the interval, as texts."""

    name: str
    sums: ArmSums
    rate: str
    low: str
    high: str


def show_experiment(
    request: HttpRequest, of: ModelAdmin, experiment: RankingExperiment
) -> TemplateResponse:
    """Shows the figures up to now, and the steps that are possible."""
    first, second = read_sums(experiment)
    difference = rate_difference(first, second)
    latest = adopted_last()
    context = {
        **of.admin_site.each_context(request),
        "title": _("Experiment %(number)s") % {"number": experiment.pk},
        "opts": of.opts,
        "experiment": experiment,
        "state": describe_state(experiment),
        "verdict": describe_verdict(experiment, first, second),
        "arms": [
            describe_arm(ranking, sums)
            for ranking, sums in ((experiment.first, first), (experiment.second, second))
        ],
        "difference": [_percent(value, signed=True) for value in difference],
        "adopted": name_ranking(experiment.adopted) if experiment.adopted else "",
        "is_in_use": latest is not None and latest.pk == experiment.pk,
        "most_sessions": MAX_SESSIONS_OF_ORIGIN,
        "may_publish": may(request.user, Right.PUBLISH),
    }
    return TemplateResponse(request, TEMPLATE, context)


def describe_arm(ranking: str, sums: ArmSums) -> Arm:
    """Returns a row of the table."""
    low, high = sums.interval
    return Arm(name_ranking(ranking), sums, *(_percent(value) for value in (sums.rate, low, high)))


def describe_state(experiment: RankingExperiment) -> str:
    """Says whether the experiment runs, and until when."""
    at = {"at": date_format(experiment.ended_at, "Y-m-d H:i")}
    if experiment.is_running:
        return _("It runs until %(at)s UTC.") % at
    if experiment.was_cut_short:
        return _("It was stopped before its time, at %(at)s UTC.") % at
    return _("It ended at %(at)s UTC.") % at


def describe_verdict(experiment: RankingExperiment, first: ArmSums, second: ArmSums) -> str:
    """Says in words whether the two rankings can be told apart by what was opened. That is said
    only at the end that was chosen at the start: somebody who looks every day, and stops at the
    first difference, finds one in every fifth experiment with two equal rankings."""
    if not are_halves(first, second):
        return _(
            "The halves differ in size by more than chance. Something is wrong with the counts, so"
            " the figures say nothing."
        )
    if experiment.is_running:
        return _(
            "Whether the two can be told apart is said at the end: somebody who looks every day"
            " finds differences that chance has made."
        )
    if experiment.was_cut_short:
        return _("An experiment that was stopped before its time says nothing.")
    if not has_enough(first, second):
        return _(
            "There is too little to tell: each ranking needs at least %(sessions)s sessions and"
            " %(clicks)s clicks."
        ) % {"sessions": MIN_SESSIONS, "clicks": MIN_CLICKS}
    if not are_told_apart(first, second):
        return _("The two cannot be told apart: chance alone may have made the difference.")
    winner = experiment.second if second.rate > first.rate else experiment.first
    return _(
        "The two can be told apart. Shoppers open more of what this ranking shows: %(ranking)s."
    ) % {"ranking": name_ranking(winner)}


def _percent(share: float, signed: bool = False) -> str:
    text = number_format(round(100 * abs(share), 2), 2)
    sign = "−" if share < 0 else "+" if signed else ""
    return f"{sign}{text}"
