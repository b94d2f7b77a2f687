"""Imports in the console: who, when, what changed, the refused lines as a file, and the progress.
Those of files and of the API can be taken back here, and those of sources with their source."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.audit_log import record_request
from catalog.console.rights import Right, may
from catalog.console.stored_sentences import translate_sentence
from catalog.console.translated_names import name_starter
from catalog.importing.errors import grouped
from catalog.importing.history.line_report import report_lines
from catalog.importing.history.undoing import UndoRefused, check_undo
from catalog.models import ProductImport
from indexing.console.question_page import ask
from indexing.console.sources.preview_page import MAX_SHOWN_LINES
from indexing.console.sources.upload_pages import UploadPages, check_right
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.sources import source_actions
from indexing.pipeline.sources.uploaded_imports import describe_result
from indexing.tasks import start_queued_run

State = ProductImport.State
MAX_OUTCOME = 100  # characters in the list


@admin.register(ProductImport)
class ProductImportAdmin(UploadPages):
    """Imports of sources, of the API, of uploaded files and of the command import_products. The
    code alone writes them."""

    list_display = (
        *("id", "name", "state", "starter", "started_at", "added", "changed", "hidden"),
        *("removed", "refused", "report", "outcome"),
    )
    list_filter = ("state", "source")
    search_fields = ("name", "started_by")
    exclude = ("chunk_id", "upload", "notes", "api_key")
    readonly_fields = ("shown_notes",)

    @admin.display(description=_lazy("by"), ordering="started_by")
    def starter(self, product_import: ProductImport) -> str:
        return name_starter(product_import.started_by) or "–"

    @admin.display(description=_lazy("report"))
    def report(self, product_import: ProductImport) -> str:
        if not (named := describe_report(product_import)):
            return "–"
        address = reverse("admin:import_report", args=[product_import.pk])
        return format_html(
            '<a class="underline whitespace-nowrap" href="{}">{}</a>', address, named
        )

    @admin.display(description=_lazy("notes"))
    def shown_notes(self, product_import: ProductImport) -> str:
        """The first lines that were written with a change, or twice."""
        notes = product_import.notes[:MAX_SHOWN_LINES]
        lines = [
            (
                _("line %(line)s: %(reason)s")
                % {"line": line, "reason": translate_sentence(sentence)},
            )
            for line, sentence in notes
        ]
        if (more := product_import.noted - len(lines)) > 0:
            lines.append(("… " + _("and %(number)s more") % {"number": grouped(more)},))
        return format_html_join(mark_safe("<br>"), "{}", lines) or "–"

    @admin.display(description=_lazy("outcome"))
    def outcome(self, product_import: ProductImport) -> str:
        if product_import.undone_at:
            return outcome_of(product_import)
        said = Truncator(translate_sentence(product_import.error)).chars(MAX_OUTCOME)
        return format_html('<span class="whitespace-nowrap">{}</span>', said) if said else "–"

    def get_urls(self) -> list[URLPattern]:
        report = self.admin_site.admin_view(self.download_report)
        undo = self.admin_site.admin_view(self.undo_import)
        own = [
            path("<int:object_id>/report.csv", report, name="import_report"),
            path("<int:object_id>/undo/", undo, name="import_undo"),
        ]
        return own + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Shows an import, and how far it is."""
        shown = self.get_object(request, object_id)
        context = {"is_under_way": False, **(extra_context or {})}
        if shown is not None:
            context |= {
                "is_under_way": shown.state in ProductImport.UNFINISHED,
                "progress": describe_progress(shown),
                "report_label": describe_report(shown).capitalize(),
            }
            if shown.source_id is None and may(request.user, Right.OPERATE):
                context |= {"undo_refused": (refused := _why_not_undoable(shown))}
                context |= {"may_undo": not refused}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_import": may(request.user, Right.OPERATE), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def undo_import(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Shows what taking an import back does, with a button that does it."""
        check_right(request)
        shown = ProductImport.objects.filter(pk=object_id).first()
        if shown is None:
            raise Http404
        back = reverse("admin:catalog_productimport_change", args=[shown.pk])
        if refused := _why_not_undoable(shown):
            self.message_user(request, refused, messages.WARNING)
        elif request.method != "POST":
            title = _("Undo the import of %(name)s") % {"name": shown.name}
            buttons = [("undo", _("Undo this import"))]
            plan = source_actions.describe_undo_plan(shown)
            back_label = _("Back to the import")
            return ask(request, self, title, plan, buttons, back, back_label, shown.pk)
        elif "undo" in request.POST:
            try:
                source_actions.undo_last(
                    None, request.user.get_username(), shown.pk, shown.api_key_id
                )
                record_request(request, "undo import", f"import {shown.pk}", shown.name)
            except source_actions.SourceError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                start_queued_run(IndexingRun.Kind.IMPORT, request.user.get_username())
                self.message_user(request, _("The import is being taken back."))
        return HttpResponseRedirect(back)

    def download_report(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Sends the refused and noted lines as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        product_import = ProductImport.objects.filter(pk=object_id).first()
        if product_import is None:
            raise Http404
        say = partial(translate_sentence, language=get_language() or "")
        response = StreamingHttpResponse(
            report_lines(product_import, say), content_type="text/csv; charset=utf-8"
        )
        name = f"refused-lines-{product_import.pk}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def describe_progress(shown: ProductImport) -> str:
    """Says how far an import is, or what came of it."""
    if shown.state == State.QUEUED:
        return _("It waits for the worker, which begins within a minute.")
    if shown.state == State.UNDOING:
        return _("It is being taken back.")
    if shown.state == State.UNDONE:
        return outcome_of(shown)
    if shown.state != State.RUNNING:
        return translate_sentence(describe_result(shown))
    chunk = Chunk.objects.filter(pk=shown.chunk_id).first() if shown.chunk_id else None
    if chunk is None or not chunk.done:
        return _("The file is being read.")
    return _("%(done)s rows of about %(total)s are done.") % {
        "done": grouped(chunk.done),
        "total": grouped(max(chunk.size, chunk.done)),
    }


def outcome_of(shown: ProductImport) -> str:
    undone = _("Taken back by %(by)s.") % {"by": shown.undone_by or "–"}
    if not shown.kept:
        return undone
    kept = _("Products of which something stays: %(number)s.") % {"number": grouped(shown.kept)}
    return f"{undone} {kept}"


def describe_report(shown: ProductImport) -> str:
    """Names the lines that the report has, or returns "" if it has none."""
    if shown.refused and shown.noted:
        return _("refused and noted lines")
    if shown.refused:
        return _("refused lines")
    return _("noted lines") if shown.noted else ""


def _why_not_undoable(shown: ProductImport) -> str:
    """Says why an import cannot be taken back here, or returns ""."""
    if shown.source_id is not None:
        return _("The imports of a source are taken back on the page of the source.")
    try:
        check_undo(shown)
    except UndoRefused as error:
        return str(error)
    return ""
