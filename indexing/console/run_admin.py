"""Runs in the console: how far they are, and pages that start, pause, resume and cancel them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.console.translated_names import name_starter
from catalog.models import ImageAddress
from indexing.console.question_page import ask
from indexing.console.run_plans import describe_start, publish_choices, titles
from indexing.console.run_rows import describe_runs
from indexing.console.run_steps import STEPS, Step
from indexing.ledger import runs
from indexing.ledger.run_rights import right_for
from indexing.models import IndexingRun
from indexing.monitoring.durations import describe_duration
from indexing.monitoring.freshness import next_refresh_at, run_progress
from indexing.monitoring.health import check_sources
from indexing.monitoring.pulse import read_pulse
from indexing.monitoring.run_names import name_kind, name_stage, say_under_way
from indexing.pipeline.sources.pulling import translate_outcome
from indexing.pipeline.training_run import describe_plan
from indexing.quality.training_result import describe_training, last_training, summarise_training
from indexing.tasks import start_queued_run


@admin.register(IndexingRun)
class IndexingRunAdmin(ReadOnlyAdmin):
    """The ledger of runs. The pages call the same functions as the commands."""

    list_display = (
        *(
            "id",
            "kind_name",
            "state",
            "stage_name",
            "progress",
            "starter",
            "created_at",
            "finished_at",
        ),
        "outcome",
    )
    list_filter = ("kind", "state")
    change_list_template = "admin/indexing/indexingrun/change_list.html"
    actions = ("pause", "resume", "cancel")

    @admin.display(description=_lazy("kind"), ordering="kind")
    def kind_name(self, run: IndexingRun) -> str:
        return name_kind(run.kind)

    @admin.display(description=_lazy("started by"), ordering="started_by")
    def starter(self, run: IndexingRun) -> str:
        return name_starter(run.started_by) or "–"

    @admin.display(description=_lazy("stage"), ordering="stage")
    def stage_name(self, run: IndexingRun) -> str:
        """Where a run is, or ended early."""
        if run.state == IndexingRun.State.SUCCEEDED:
            return "–"
        return name_stage(run.stage) or "–"

    @admin.display(description=_lazy("progress"))
    def progress(self, run: IndexingRun) -> str:
        if run.is_finished:
            return "–"
        figures = run_progress(run)
        if not figures["total"]:  # nothing is planned yet
            return "–"
        values = {"done": figures["done"], "total": figures["total"]}
        if not figures["eta_s"]:
            return _("%(done)s of %(total)s") % values
        left = describe_duration(timedelta(seconds=figures["eta_s"]))
        return _("%(done)s of %(total)s, %(left)s left") % {**values, "left": left}

    @admin.action(description=_lazy("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, STEPS["pause"])

    @admin.action(description=_lazy("Resume"), permissions=["operate"])
    def resume(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, STEPS["resume"])

    @admin.action(description=_lazy("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, STEPS["cancel"])

    def _act_on_each(self, request: HttpRequest, chosen: QuerySet[IndexingRun], step: Step) -> None:
        found = list(chosen)
        if not found:
            self.message_user(request, self.gone_sentence(), messages.WARNING)
        for run in found:
            if may(request.user, right_for(run.kind)):
                self._act(request, run, step)
            else:
                sentence = _("Only a publisher may do this with run %(number)s.")
                self.message_user(request, sentence % {"number": run.pk}, messages.WARNING)

    def _act(self, request: HttpRequest, run: IndexingRun, step: Step) -> bool:
        if step.act(run):
            self.tell_done(request, step.done % {"number": run.pk})
            return True
        current = IndexingRun.objects.filter(pk=run.pk).first()
        state = current.get_state_display().lower() if current else "–"
        values = {"number": run.pk, "state": state}
        sentence = _("Nothing to do: run %(number)s is %(state)s.") % values
        self.message_user(request, sentence, messages.WARNING)
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("start/<str:kind>/", wrap(self.start_run), name="start_run"),
            path("train/", wrap(self.confirm_training), name="train"),
            path("moving/", wrap(self.show_moving), name="moving_runs"),
            path("<int:object_id>/step/<str:step>/", wrap(self.take_step), name="run_step"),
        ]
        return own + super().get_urls()

    def show_moving(self, request: HttpRequest) -> HttpResponse:
        """The part of pages that shows the unfinished runs. htmx asks for it every two seconds."""
        require(request, Right.VIEW)
        context = {"moving": describe_runs(request.user)}
        return render(request, "admin/indexing/indexingrun/_moving.html", context)

    def start_run(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Says what a run of this kind would do, with a button that starts it."""
        if kind not in titles():  # an adoption starts from the page of its encoder
            raise Http404
        require(request, right_for(kind))
        back = reverse("admin:indexing_indexingrun_changelist")
        if request.method != "POST":
            choices = publish_choices() if kind == IndexingRun.Kind.REBUILD else ()
            title, plan = titles()[kind], describe_start(kind)
            buttons = [("start", _("Start"))]
            return ask(
                request, self, title, plan, buttons, back, _("Back to the runs"), choices=choices
            )
        options: dict[str, Any] = {}
        if kind == IndexingRun.Kind.REBUILD and request.POST.get("publish") == "no":
            options = {"publish": False}
        try:
            run = start_queued_run(kind, request.user.get_username(), **options)
        except runs.RunConflict as conflict:
            self.message_user(request, str(conflict), messages.ERROR)
        else:
            detail = "publish: no" if options else ""
            record_request(request, f"start {kind}", f"run {run.pk}", detail)
            self.message_user(request, say_under_way(run))
        return HttpResponseRedirect(back)

    def take_step(self, request: HttpRequest, object_id: int, step: str) -> HttpResponse:
        """Says what pausing, resuming or cancelling a run does, with a button that does it."""
        run = IndexingRun.objects.filter(pk=object_id).first()
        if step not in STEPS or run is None:
            require(request, Right.OPERATE)
            raise Http404
        require(request, right_for(run.kind))
        chosen, back = STEPS[step], reverse("admin:indexing_indexingrun_changelist")
        if request.method != "POST":
            title = chosen.title % {"kind": name_kind(run.kind), "number": run.pk}
            buttons = [(step, str(chosen.label))]
            meaning = chosen.describe(run)
            return ask(request, self, title, meaning, buttons, back, _("Back to the runs"))
        if self._act(request, run, chosen):
            record_request(request, step, f"run {run.pk}", run.kind)
        return HttpResponseRedirect(back)

    def confirm_training(self, request: HttpRequest) -> HttpResponse:
        """Shows what a training does and how long it takes, with a button that starts one."""
        require(request, Right.PUBLISH)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Train the encoder on this catalogue"),
            "opts": self.opts,
            "plan": describe_plan(),
        }
        return TemplateResponse(request, "admin/indexing/indexingrun/train.html", context)

    @admin.display(description=_lazy("result"))
    def outcome(self, run: IndexingRun) -> str:
        imports = " ".join(map(translate_outcome, run.result.get("imports", [])))
        return summarise_training(run) or imports or translate_sentence(run.error)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        training, pulse = last_training(), read_pulse()
        context = {
            "index": pulse,
            "oldest": describe_duration(timedelta(seconds=pulse.oldest_pending_s)),
            "source_problems": list(check_sources(pulse)),
            "photos_due": ImageAddress.objects.due().exists(),
            "next_refresh_at": next_refresh_at(),
            "may_operate": may(request.user, Right.OPERATE),
            "may_publish": may(request.user, Right.PUBLISH),
            "moving": describe_runs(request.user),
            "training": training and describe_training(training),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})
