"""The preview of a source in the console, also of one that is not saved."""

from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.importing.sources.source_preview import SourcePreview, preview_source
from catalog.models import Source
from indexing.console.sources.preview_page import PreviewPage, attempt, show_preview
from indexing.console.sources.source_forms import SourceForm

_READ = ("address", "format", "mapping", "currency", "is_full")
CUT = _lazy("Only the beginning of the feed was fetched.")
NOT_SAVED = _lazy("This is how the source would be read with the changes that are not saved yet.")


def show_source(
    request: HttpRequest, site: AdminSite, opts: Any, source: Source | None
) -> HttpResponse:
    """Shows the beginning of the feed of a source, as the sent form describes it."""
    form = SourceForm(request.POST, instance=source)
    form.is_valid()
    problems = [
        f"{form[name].label}: {' '.join(map(str, form.errors[name]))}"
        for name in _READ
        if name in form.errors
    ]
    given = form.instance
    title = _("Preview of %(name)s") % {"name": given.name or _("a new source")}
    pk = source.pk if source else None
    is_saved = pk is not None and not form.has_changed()
    choices = _choices(pk, is_saved)
    if problems:
        page = PreviewPage(title, _BUTTONS, choices | {"may_pull": False}, " ".join(problems))
        return show_preview(request, site, opts, page, None)
    read, problem = attempt(partial(preview_source, given))
    remarks: list[str] = [] if is_saved else [str(NOT_SAVED)]
    remarks += [problem] if problem else []
    remarks += [str(CUT)] if read and read.is_cut else []
    page = PreviewPage(title, _BUTTONS, choices, " ".join(remarks))
    return show_preview(request, site, opts, page, _preview_of(read))


_BUTTONS = "admin/catalog/source/choices.html"


def _choices(pk: int | None, is_saved: bool) -> dict[str, Any]:
    back = reverse("admin:catalog_source_changelist")
    if pk is not None:
        back = reverse("admin:catalog_source_change", args=[pk])
    label = _("Back to the sources") if pk is None else _("Back to the source as it is saved")
    return {"may_pull": is_saved, "source_id": pk, "back": back, "back_label": label}


def _preview_of(read: SourcePreview | None) -> Any:
    return read.preview if read else None
