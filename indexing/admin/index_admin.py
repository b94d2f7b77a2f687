"""Runs, generations, encoders and image failures in the console, with the actions on them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import ReadOnlyAdmin
from catalog.models import Adapter, EncoderVersion, Generation
from indexing.adapters.fitting import describe_figures, failed_adapter_gates
from indexing.embedding import quarantine
from indexing.encoder_registry import list_encoders
from indexing.generations import publishing
from indexing.ledger import runs
from indexing.models import ImageFailure, IndexEvaluation, IndexingRun
from indexing.monitoring.freshness import index_status, next_refresh_at, run_progress
from indexing.monitoring.source_figures import source_problems
from indexing.pipeline.training_run import describe_plan
from indexing.quality.generation_self_test import describe_self_test
from indexing.quality.match_calibration import describe_calibration
from indexing.quality.training_result import (
    describe_training,
    last_training,
    summarise_training,
)
from indexing.tasks import resume_queued_run, start_queued_run


@admin.register(IndexingRun)
class IndexingRunAdmin(ReadOnlyAdmin):
    """The ledger of runs. The buttons call the same functions as the commands."""

    list_display = (
        "id",
        "kind",
        "state",
        "stage",
        "progress",
        "created_at",
        "finished_at",
        "outcome",
    )
    list_filter = ("kind", "state")
    change_list_template = "admin/indexing/indexingrun/change_list.html"
    actions = ("pause", "resume", "cancel")

    @admin.display(description="progress")
    def progress(self, run: IndexingRun) -> str:
        if run.is_finished:
            return "–"
        figures = run_progress(run)
        left = f", {figures['eta_s']:.0f} s left" if figures["eta_s"] else ""
        return f"{figures['done']} of {figures['total']}{left}"

    @admin.action(description=_lazy("Pause"), permissions=["steer"])
    def pause(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, runs.pause_run, _("Run %(number)s is paused."))

    @admin.action(description=_lazy("Resume"), permissions=["steer"])
    def resume(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, resume_queued_run, _("Run %(number)s continues."))

    @admin.action(description=_lazy("Cancel"), permissions=["steer"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[IndexingRun]) -> None:
        self._act_on_each(request, chosen, runs.cancel_run, _("Run %(number)s is cancelled."))

    def _act_on_each(
        self,
        request: HttpRequest,
        chosen: QuerySet[IndexingRun],
        act: Callable[[IndexingRun], bool],
        message: str,
    ) -> None:
        found = list(chosen)
        if not found:
            self.message_user(request, self.gone_sentence(), messages.WARNING)
        for run in found:
            if act(run):
                self.message_user(request, message % {"number": run.pk})
            else:
                state = IndexingRun.objects.filter(pk=run.pk).values_list("state", flat=True)
                values = {"number": run.pk, "state": state.first() or "–"}
                sentence = _("Nothing to do: run %(number)s is %(state)s.") % values
                self.message_user(request, sentence, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("start/<str:kind>/", self.admin_site.admin_view(self.start_run), name="start_run"),
            path("train/", self.admin_site.admin_view(self.confirm_training), name="train"),
        ]
        return own + super().get_urls()

    def start_run(self, request: HttpRequest, kind: str) -> HttpResponseRedirect:
        """Starts a run of this kind, by POST, if the user may steer runs."""
        if kind not in IndexingRun.Kind.values:
            raise Http404
        if not self.has_steer_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                run = start_queued_run(kind)
            except runs.RunConflict as conflict:
                self.message_user(request, str(conflict), messages.ERROR)
            else:
                sentence = _("%(kind)s %(number)s is under way.")
                self.message_user(request, sentence % {"kind": run.kind, "number": run.pk})
        return HttpResponseRedirect(reverse("admin:indexing_indexingrun_changelist"))

    def confirm_training(self, request: HttpRequest) -> HttpResponse:
        """Shows what a training does and how long it takes, with a button that starts one."""
        if not self.has_steer_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Train the encoder on this catalogue"),
            "opts": self.opts,
            "plan": describe_plan(),
        }
        return TemplateResponse(request, "admin/indexing/indexingrun/train.html", context)

    @admin.display(description="result")
    def outcome(self, run: IndexingRun) -> str:
        imports = " ".join(run.result.get("imports", []))
        return summarise_training(run) or imports or run.error

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        training = last_training()
        context = {
            "index": index_status(),
            "source_problems": list(source_problems()),
            "next_refresh_at": next_refresh_at(),
            "may_steer": self.has_steer_permission(request),
            "training": training and describe_training(training),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    """The generations of the index, with actions to publish one and to roll back."""

    list_display = (
        "id",
        "state",
        "encoder",
        "query_encoder",
        "images",
        "products",
        "recall_at_20",
        "self_test",
        "calibrated",
        "published_at",
        "note",
    )
    list_filter = ("state",)
    actions = ("publish", "roll_back")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        generations = super().get_queryset(request)
        return (
            generations.select_related("encoder", "query_adapter__query_encoder")
            .defer(
                "nothing_vectors",
                "query_adapter__parameters",
                "query_adapter__nothing_vectors",
            )
            .prefetch_related("evaluations")
        )

    @admin.display(description="queries encoded by")
    def query_encoder(self, generation: Generation) -> str:
        return str(generation.query_encoder) if generation.query_adapter else "–"

    @admin.display(description="self-test")
    def self_test(self, generation: Generation) -> str:
        evaluation = next(iter(generation.evaluations.all()), None)
        return describe_self_test(evaluation.figures.get("self_test")) if evaluation else "–"

    @admin.display(description="match levels")
    def calibrated(self, generation: Generation) -> str:
        return describe_calibration(generation.calibration) if generation.match else "–"

    @admin.action(description=_lazy("Publish: make this generation live"), permissions=["steer"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Generation]) -> None:
        if (generation := self.get_chosen_row(request, chosen)) is not None:
            self._attempt(request, partial(publishing.publish_generation, generation))

    @admin.action(
        description=_lazy("Roll back: undo the last switch (ignores the chosen row)"),
        permissions=["steer"],
    )
    def roll_back(self, request: HttpRequest, chosen: QuerySet[Generation]) -> None:
        self._attempt(request, publishing.roll_back)

    def _attempt(self, request: HttpRequest, act: Callable[[], Generation]) -> None:
        try:
            live = act()
        except publishing.PublishingError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            sentence = _("Generation %(number)s is live.") % {"number": live.pk}
            self.message_user(request, sentence)


@admin.register(EncoderVersion)
class EncoderVersionAdmin(ReadOnlyAdmin):
    """The registry of encoders, with the figures of each."""

    list_display = (
        "name",
        "short_checksum",
        "status",
        "dimensions",
        "embeddings",
        "quality",
        "source",
        "created_at",
    )
    list_filter = ("status",)
    readonly_fields = ("embeddings",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return list_encoders()

    @admin.display(description="checksum")
    def short_checksum(self, version: EncoderVersion) -> str:
        return version.checksum[:8]

    @admin.display(description="embeddings")
    def embeddings(self, version: Any) -> int:
        return version.embeddings


@admin.register(Adapter)
class AdapterAdmin(ReadOnlyAdmin):
    """Adapters from the queries of one encoder to the vectors of another. `index adopt` fits
    them."""

    list_display = (
        "id",
        "query_encoder",
        "index_encoder",
        "kind",
        "sample",
        "recall",
        "usable",
        "created_at",
    )
    list_select_related = ("query_encoder", "index_encoder")
    exclude = ("parameters",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Adapter]:
        return super().get_queryset(request).defer("parameters")

    @admin.display(description="recall")
    def recall(self, adapter: Adapter) -> str:
        return "; ".join(describe_figures(adapter.figures))

    @admin.display(description="may be used", boolean=True)
    def usable(self, adapter: Adapter) -> bool:
        return not failed_adapter_gates(adapter.figures)


@admin.register(ImageFailure)
class ImageFailureAdmin(ReadOnlyAdmin):
    """Images that could not be read. A quarantined image is tried again when its file changes or
    an operator releases it."""

    list_display = ("product", "image_id", "reason", "attempts", "quarantined", "last_at")
    list_filter = ("quarantined",)
    actions = ("try_again",)

    @admin.display(description="product")
    def product(self, failure: ImageFailure) -> str:
        url = reverse("admin:catalog_product_change", args=[failure.product_id])
        return format_html('<a href="{}">{}</a>', url, failure.product_id)

    @admin.action(description=_lazy("Try again at the next refresh"), permissions=["steer"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[ImageFailure]) -> None:
        keys = list(chosen.values_list("product_id", "image_id"))
        quarantine.release_images(keys)
        sentence = _("Images to try again at the next refresh: %(number)s.")
        self.message_user(request, sentence % {"number": len(keys)})


@admin.register(IndexEvaluation)
class IndexEvaluationAdmin(ReadOnlyAdmin):
    """The figures of each generation, and whether it passed its gates."""

    list_display = ("id", "generation", "queries", "recall_at_20", "passed", "created_at")
