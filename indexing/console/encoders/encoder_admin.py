"""Encoders and adapters in the console: their figures, and pages that take an encoder into use."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right, may
from catalog.models import Adapter, EncoderVersion
from indexing.adapters.fitting import describe_figures, failed_adapter_gates
from indexing.console.encoders.drift_page import show_drift
from indexing.console.encoders.encoder_page import describe_adoption, describe_rebuild, show_encoder
from indexing.console.question_page import ask
from indexing.console.run_plans import publish_choices
from indexing.generations.encoder_registry import list_encoders
from indexing.ledger.runs import RunConflict
from indexing.models import IndexingRun
from indexing.monitoring.run_names import say_under_way
from indexing.quality.generation_self_test import describe_self_test
from indexing.tasks import start_queued_run

Kind = IndexingRun.Kind


@admin.register(EncoderVersion)
class EncoderVersionAdmin(ReadOnlyAdmin):
    """The registry of encoders, with the figures of each."""

    list_display = (
        *("name", "short_checksum", "status", "dimensions", "embeddings", "self_test"),
        *("source", "created_at"),
    )
    list_filter = ("status",)
    change_list_template = "admin/catalog/encoderversion/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return list_encoders()

    @admin.display(description=_lazy("checksum"))
    def short_checksum(self, version: EncoderVersion) -> str:
        return version.checksum[:8]

    @admin.display(description=_lazy("embeddings"))
    def embeddings(self, version: Any) -> int:
        return version.embeddings

    @admin.display(description=_lazy("self-test"))
    def self_test(self, version: EncoderVersion) -> str:
        figures = version.quality.get("self_test")
        return describe_self_test(figures) if figures else "–"

    def get_urls(self) -> list[URLPattern]:
        wrap: Callable[[Any], Any] = self.admin_site.admin_view
        own = [
            path("drift/", wrap(self.drift), name="drift"),
            path("<int:object_id>/adopt/", wrap(self.adopt), name="adopt_encoder"),
            path("<int:object_id>/rebuild/", wrap(self.rebuild), name="rebuild_with_encoder"),
        ]
        return own + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_publish": may(request.user, Right.PUBLISH), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **more: Any) -> Any:
        """The figures of an encoder beside those of another, and its curves."""
        version = self.get_object(request, object_id)
        if not self.has_view_permission(request, version) or request.method == "POST":
            raise PermissionDenied
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return show_encoder(request, self, version)

    def drift(self, request: HttpRequest) -> HttpResponse:
        """How far the photos of shoppers and of the catalogue have moved."""
        require(request, Right.VIEW)
        return show_drift(request, self)

    def adopt(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says what the adoption of an encoder does, with a button that starts it."""
        version = self._find(request, object_id)
        if request.method != "POST":
            title = _("Adopt %(encoder)s?") % {"encoder": version}
            return self._ask(request, version, title, describe_adoption(), "adopt", _("Adopt"))
        return self._start(request, Kind.ADOPTION, version)

    def rebuild(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Says what a rebuild with an encoder does, with a button that starts it."""
        version = self._find(request, object_id)
        if request.method != "POST":
            title = _("Rebuild with %(encoder)s?") % {"encoder": version}
            plan, choices = describe_rebuild(version), publish_choices()
            return self._ask(request, version, title, plan, "rebuild", _("Rebuild"), choices)
        publish = request.POST.get("publish") != "no"
        return self._start(request, Kind.REBUILD, version, publish=publish)

    def _find(self, request: HttpRequest, pk: int) -> EncoderVersion:
        require(request, Right.PUBLISH)
        version = EncoderVersion.objects.filter(pk=pk).first()
        if version is None:
            raise Http404
        return version

    def _ask(
        self,
        request: HttpRequest,
        version: EncoderVersion,
        title: str,
        plan: list[str],
        name: str,
        label: str,
        choices: Any = (),
    ) -> HttpResponse:
        back = reverse("admin:catalog_encoderversion_change", args=[version.pk])
        buttons, label_back = [(name, label)], _("Back to the encoder")
        return ask(request, self, title, plan, buttons, back, label_back, choices=choices)

    def _start(
        self, request: HttpRequest, kind: str, version: EncoderVersion, **options: Any
    ) -> HttpResponse:
        try:
            run = start_queued_run(
                kind, request.user.get_username(), encoder=version.name, **options
            )
        except RunConflict as conflict:
            self.message_user(request, str(conflict), messages.ERROR)
        else:
            record_request(request, f"start {kind}", f"run {run.pk}", str(version))
            self.message_user(request, say_under_way(run))
        return HttpResponseRedirect(reverse("admin:indexing_indexingrun_changelist"))


@admin.register(Adapter)
class AdapterAdmin(ReadOnlyAdmin):
    """Adapters from the queries of one encoder to the vectors of another. An adoption fits
    them."""

    list_display = (
        *("id", "query_encoder", "index_encoder", "kind", "sample", "recall", "usable"),
        "created_at",
    )
    list_select_related = ("query_encoder", "index_encoder")
    exclude = ("parameters", "nothing_vectors")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Adapter]:
        return super().get_queryset(request).defer("parameters", "nothing_vectors")

    @admin.display(description=_lazy("recall"))
    def recall(self, adapter: Adapter) -> str:
        return "; ".join(describe_figures(adapter.figures))

    @admin.display(description=_lazy("may be used"), boolean=True)
    def usable(self, adapter: Adapter) -> bool:
        return not failed_adapter_gates(adapter.figures)
