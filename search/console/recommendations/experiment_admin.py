"""Experiments in the console: two rankings of recommendations, compared by clicks."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right, may
from catalog.models import RankingExperiment
from catalog.quality.ranking_experiments import (
    ExperimentError,
    adopt_ranking,
    ranking_state,
    start_experiment,
    stop_experiment,
    undo_adoption,
)
from search.console.recommendations.experiment_page import show_experiment
from search.console.recommendations.ranking_names import name_ranking
from search.console.recommendations.session_page import show_session
from search.recommendations.rankings import RANKINGS, USUAL

DAYS = (14, 7, 28)
STEPS: dict[str, tuple[str, Callable[[RankingExperiment], None]]] = {
    "stop": ("stop experiment", stop_experiment),
    "adopt_first": ("adopt ranking", lambda row: adopt_ranking(row, row.first)),
    "adopt_second": ("adopt ranking", lambda row: adopt_ranking(row, row.second)),
    "undo": ("undo adoption", undo_adoption),
}
"""What a publisher may do with an experiment: the name of each step in the audit log, and its
function."""


@admin.register(RankingExperiment)
class RankingExperimentAdmin(ReadOnlyAdmin):
    list_display = (
        *("number", "first_name", "second_name", "started_at", "end", "starter", "adopted_name"),
    )
    list_display_links = ("number",)
    change_list_template = "admin/catalog/rankingexperiment/change_list.html"

    @admin.display(description=_lazy("number"), ordering="id")
    def number(self, experiment: RankingExperiment) -> int:
        return experiment.pk

    @admin.display(description=_lazy("first ranking"))
    def first_name(self, experiment: RankingExperiment) -> str:
        return name_ranking(experiment.first)

    @admin.display(description=_lazy("second ranking"))
    def second_name(self, experiment: RankingExperiment) -> str:
        return name_ranking(experiment.second)

    @admin.display(description=_lazy("ends"), ordering="ends_at")
    def end(self, experiment: RankingExperiment) -> Any:
        return experiment.ended_at

    @admin.display(description=_lazy("started by"))
    def starter(self, experiment: RankingExperiment) -> str:
        return experiment.started_by or "–"

    @admin.display(description=_lazy("adopted"))
    def adopted_name(self, experiment: RankingExperiment) -> str:
        return name_ranking(experiment.adopted) if experiment.adopted else "–"

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("start/", wrap(self.start), name="experiment_start"),
            path("session/", wrap(self.session), name="recommended_to"),
            path("<int:object_id>/<str:act>/step/", wrap(self.take_step), name="experiment_step"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "may_publish": may(request.user, Right.PUBLISH),
            "in_use": name_ranking(ranking_state().adopted),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **more: Any) -> Any:
        """The figures of an experiment, and what they say."""
        experiment = self.get_object(request, object_id)
        if not self.has_view_permission(request, experiment) or request.method == "POST":
            raise PermissionDenied
        if experiment is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return show_experiment(request, self, experiment)

    def session(self, request: HttpRequest) -> HttpResponse:
        """What a session is recommended now, and why. The history of a person is not for all who
        may look at the console."""
        require(request, Right.OPERATE)
        return show_session(request, self)

    def start(self, request: HttpRequest) -> HttpResponse:
        """Asks which two rankings to compare for how long, and starts the experiment."""
        require(request, Right.PUBLISH)
        first = request.POST.get("first") or ranking_state().adopted or USUAL
        second, days = request.POST.get("second", ""), request.POST.get("days", "")
        problem = ""
        if request.method == "POST":
            try:
                return self._start(request, first, second, days)
            except ExperimentError as error:
                problem = str(error)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Start an experiment"),
            "opts": self.opts,
            "rankings": [(name, name_ranking(name)) for name in RANKINGS],
            "all_days": DAYS,
            "first": first,
            "second": second or next(name for name in RANKINGS if name != first),
            "days": days,
            "problem": problem,
        }
        return TemplateResponse(request, "admin/catalog/rankingexperiment/start.html", context)

    def _start(self, request: HttpRequest, first: str, second: str, days: str) -> HttpResponse:
        if first not in RANKINGS or second not in RANKINGS or days not in map(str, DAYS):
            raise ExperimentError(_("Choose two rankings and the number of days."))
        by = request.user.get_username()
        experiment = start_experiment(first, second, int(days), by)
        compared = f"{first}, {second}, {days} d"
        record_request(request, "start experiment", f"experiment {experiment.pk}", compared)
        sentence = _("Experiment %(number)s takes effect within seconds.")
        self.message_user(request, sentence % {"number": experiment.pk})
        return HttpResponseRedirect(_page_of(experiment))

    def take_step(self, request: HttpRequest, object_id: int, act: str) -> HttpResponse:
        """Says what a step does, with a button that does it."""
        require(request, Right.PUBLISH)
        experiment = RankingExperiment.objects.filter(pk=object_id).first()
        if act not in STEPS or experiment is None:
            raise Http404
        if request.method != "POST":
            return self._ask(request, experiment, act)
        action, do = STEPS[act]
        try:
            do(experiment)
        except ExperimentError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            ranking = getattr(experiment, act.removeprefix("adopt_"), "")
            record_request(request, action, f"experiment {experiment.pk}", ranking)
            self.message_user(request, _("Done. It takes effect within seconds."))
        return HttpResponseRedirect(_page_of(experiment))

    def _ask(
        self, request: HttpRequest, experiment: RankingExperiment, act: str
    ) -> TemplateResponse:
        title, meaning, label = describe_step(experiment, act)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "paragraphs": [meaning],
            "buttons": [(act, label)],
            "back": _page_of(experiment),
            "back_label": _("Back to the experiment"),
            "about": experiment.pk,
        }
        return TemplateResponse(request, "admin/question.html", context)


def describe_step(experiment: RankingExperiment, act: str) -> tuple[str, str, str]:
    """Returns the question, what the step does, and the label of its button."""
    if act == "stop":
        return (
            _("Stop experiment %(number)s?") % {"number": experiment.pk},
            _("All sessions see the ranking in use again. What was counted is kept."),
            _("Stop"),
        )
    if act == "undo":
        return (
            _("Take the adoption back?"),
            _("The ranking that was in use before is shown again."),
            _("Undo"),
        )
    ranking = experiment.first if act == "adopt_first" else experiment.second
    return (
        _("Adopt this ranking?"),
        _("All shoppers are recommended products by this ranking: %(ranking)s.")
        % {"ranking": name_ranking(ranking)},
        _("Adopt"),
    )


def _page_of(experiment: RankingExperiment) -> str:
    return reverse("admin:catalog_rankingexperiment_change", args=[experiment.pk])
