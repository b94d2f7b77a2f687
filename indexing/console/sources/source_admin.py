"""Sources in the console: add and change them, pull them, decide on what waits, undo imports."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.base import ModelAdmin, require
from catalog.console.rights import Right
from catalog.console.stored_sentences import translate_sentence
from catalog.models import ProductImport, Source
from indexing.console.question_page import ask
from indexing.console.sources.source_forms import SourceForm
from indexing.console.sources.source_preview_page import show_source
from indexing.models import IndexingRun
from indexing.pipeline.sources import source_actions
from indexing.pipeline.sources.pull_schedule import next_pull
from indexing.pipeline.sources.pulling import translate_result
from indexing.tasks import start_queued_run

State = ProductImport.State
MAX_SHOWN_ADDRESS = 40  # characters in the list
SourceError = source_actions.SourceError


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    """The buttons and actions call the same functions as `index sources`."""

    form = SourceForm
    list_display = ("name", "place", "full", "enabled", "shown_result", "pulled_at", "next_at")
    list_filter = ("enabled", "is_full")
    search_fields = ("name", "address")
    readonly_fields = ("last_result", "pulled_at", "next_at", "steps")
    fieldsets = (
        (None, {"fields": ("name", "address", "format", "mapping", "currency", "is_full")}),
        (_lazy("Schedule"), {"fields": ("cron", "enabled")}),
        (_lazy("State"), {"fields": ("last_result", "pulled_at", "next_at", "steps")}),
    )
    actions = ("pull_now", "pull_everything")

    @admin.display(description=_lazy("address or file"), ordering="address")
    def place(self, source: Source) -> str:
        shown = Truncator(source.address).chars(MAX_SHOWN_ADDRESS)
        return format_html('<span class="break-words" title="{}">{}</span>', source.address, shown)

    @admin.display(description=_lazy("full"), boolean=True, ordering="is_full")
    def full(self, source: Source) -> bool:
        return source.is_full

    @admin.display(description=_lazy("last result"))
    def shown_result(self, source: Source) -> str:
        return self.last_result(source)

    @admin.display(description=_lazy("last result"))
    def last_result(self, source: Source) -> str:
        if source.error:
            numbers = {"number": source.attempts, "reason": translate_sentence(source.error)}
            return _("Failed attempts: %(number)s. %(reason)s") % numbers
        return translate_result(source.result) or _("Not pulled yet.")

    @admin.display(description=_lazy("steps"))
    def steps(self, source: Source) -> str:
        """Links to what an operator can do now."""
        if source.pk is None:
            return "–"
        steps = [("imports", _("Imports"))]
        if source.imports.filter(state=State.WAITING).exists():
            steps = [("hiding", _("Confirm or discard…")), *steps]
        try:
            source_actions.undoable_import(source)
        except SourceError:
            pass
        else:
            steps.append(("undo", _("Undo the last import…")))
        return format_html(
            " · ".join('<a class="text-primary-600 underline" href="{}">{}</a>' for _ in steps),
            *(part for name, label in steps for part in (_address_of(name, source.pk), label)),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Saves what the form has, and nothing that a pull may have written meanwhile."""
        if not change:
            obj.next_at = timezone.now() if obj.enabled else None
            obj.save()
        elif form.changed_data:
            obj.next_at = next_pull(obj)
            obj.save(update_fields=[*form.changed_data, "next_at"])

    @admin.action(description=_lazy("Pull now"), permissions=["operate"])
    def pull_now(self, request: HttpRequest, chosen: QuerySet[Source]) -> None:
        self._pull(request, chosen, reads_all=False)

    @admin.action(
        description=_lazy("Pull now, and compare every row with the catalogue"),
        permissions=["operate"],
    )
    def pull_everything(self, request: HttpRequest, chosen: QuerySet[Source]) -> None:
        self._pull(request, chosen, reads_all=True)

    def _pull(self, request: HttpRequest, chosen: QuerySet[Source], reads_all: bool) -> None:
        by, asked = request.user.get_username(), False
        for source in chosen:
            pull = partial(source_actions.request_pull, source, by, reads_all=reads_all)
            asked |= self._tell(request, pull)
        if asked:
            start_queued_run(IndexingRun.Kind.IMPORT, by)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:object_id>/hiding/", wrap(self.decide_on_hiding), name="source_hiding"),
            path("preview/", wrap(self.preview), name="source_preview_new"),
            path("<int:object_id>/preview/", wrap(self.preview), name="source_preview"),
            path("<int:object_id>/undo/", wrap(self.confirm_undo), name="source_undo"),
        ]
        return own + super().get_urls()

    def preview(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Shows what the feed of a source says, as the form describes it. By POST only, because it
        fetches the feed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        source = None if object_id is None else self._source(request, object_id)
        if request.method == "POST":
            return show_source(request, self.admin_site, self.opts, source)
        return _back_to(source) if source else HttpResponseRedirect("../add/")

    def decide_on_hiding(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Shows what the waiting import would hide, with buttons to confirm and to discard it."""
        source, by = self._source(request, object_id), request.user.get_username()
        try:
            waiting = source_actions.waiting_import(source)
        except SourceError as error:
            self.message_user(request, str(error), messages.WARNING)
            return _back_to(source)
        if request.method != "POST":
            buttons = [("confirm", _("Hide them")), ("discard", _("Discard the import"))]
            question = source_actions.describe_question(waiting)
            title = _("A feed with missing products")
            return self._ask(request, source, title, question, buttons, waiting)
        if "confirm" in request.POST:
            if self._tell(request, lambda: source_actions.confirm_hiding(source, by)):
                record_request(request, "confirm hiding", f"source {source.name}")
                start_queued_run(IndexingRun.Kind.IMPORT, by)
        elif "discard" in request.POST and self._tell(
            request, lambda: source_actions.discard_import(source, by)
        ):
            record_request(request, "discard import", f"source {source.name}")
        return _back_to(source)

    def confirm_undo(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Shows what taking the last import back does, with a button that does it."""
        source, by = self._source(request, object_id), request.user.get_username()
        try:
            last = source_actions.undoable_import(source)
            if request.method != "POST":
                plan = source_actions.describe_undo_plan(last)
                buttons = [("undo", _("Undo this import"))]
                return self._ask(request, source, _("Undo the last import"), plan, buttons, last)
            if "undo" in request.POST:
                undone = source_actions.undo_last(source, by, request.POST["undo"])
                record_request(request, "undo import", f"source {source.name}, import {undone.pk}")
                start_queued_run(IndexingRun.Kind.IMPORT, by)
                self.message_user(request, _("The import is being taken back."))
        except SourceError as error:
            self.message_user(request, str(error), messages.WARNING)
        return _back_to(source)

    def _source(self, request: HttpRequest, pk: int) -> Source:
        require(request, Right.OPERATE)
        source = Source.objects.filter(pk=pk).first()
        if source is None:
            raise Http404
        return source

    def _tell(self, request: HttpRequest, act: Callable[[], str]) -> bool:
        """Shows the sentence of an action. Returns whether it was carried out."""
        try:
            self.tell_done(request, act())
        except SourceError as error:
            self.message_user(request, str(error), messages.WARNING)
            return False
        return True

    def _ask(
        self,
        request: HttpRequest,
        source: Source,
        title: str,
        question: str,
        buttons: list[tuple[str, str]],
        about: ProductImport,
    ) -> HttpResponse:
        back = _address_of("change", source.pk)
        title = f"{source.name}: {title}"
        return ask(request, self, title, question, buttons, back, _("Back to the source"), about.pk)


def _address_of(step: str, pk: int) -> str:
    if step == "imports":
        return f"{reverse('admin:catalog_productimport_changelist')}?source__id__exact={pk}"
    names = {"change": "catalog_source_change", "hiding": "source_hiding", "undo": "source_undo"}
    return reverse(f"admin:{names[step]}", args=[pk])


def _back_to(source: Source) -> HttpResponseRedirect:
    return HttpResponseRedirect(_address_of("change", source.pk))
