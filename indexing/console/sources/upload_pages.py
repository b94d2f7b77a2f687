"""Pages on which operators upload a file, look at what Vitrina understands of it, and import it."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from catalog.console.audit_log import record_request
from catalog.console.base import ReadOnlyAdmin, require
from catalog.console.rights import Right
from catalog.importing.errors import ImportFailed
from catalog.importing.sources.uploaded_feeds import (
    UploadGone,
    find_feed,
    keep_feed,
    preview_upload,
    remove_feed,
)
from catalog.models import ProductImport
from indexing.console.sources.preview_page import PreviewPage, attempt, show_preview
from indexing.console.sources.upload_forms import UploadForm
from indexing.models import IndexingRun
from indexing.pipeline.sources.uploaded_imports import request_import
from indexing.tasks import start_queued_run


class UploadPages(ReadOnlyAdmin):
    """Adds the pages to the admin of imports."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("file/", wrap(_check_token_later(self.import_file)), name="import_file"),
            path("file/<str:token>/", wrap(self.preview_import), name="import_preview"),
        ]
        return own + super().get_urls()

    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Takes a file. The body is read only after the right of the user is known."""
        check_right(request)
        try:
            response: HttpResponse = csrf_protect(self._take_file)(request)
        except OSError as error:
            self._warn(
                request,
                _("The file cannot be kept: %(reason)s.") % {"reason": error.strerror or error},
            )
            response = HttpResponseRedirect(request.path)
        return response

    def _take_file(self, request: HttpRequest) -> HttpResponse:
        is_sent = request.method == "POST"
        form = UploadForm(request.POST, request.FILES) if is_sent else UploadForm()
        if is_sent and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                kept = keep_feed(file.chunks(), file.name, _user_id(request), form.options())
            except ImportFailed as error:
                form.add_error("file", str(error))
            else:
                return HttpResponseRedirect(reverse("admin:import_preview", args=[kept.token]))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import a file"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/catalog/productimport/file.html", context)

    def preview_import(self, request: HttpRequest, token: str) -> HttpResponse:
        """Shows what an uploaded file says, imports it, or forgets it."""
        check_right(request)
        if (begun := ProductImport.objects.filter(upload=token).first()) is not None:
            self.message_user(request, _("This is the import of that file."))
            return _to_import(begun)
        try:
            feed = find_feed(token, _user_id(request))
        except UploadGone as gone:
            self._warn(request, str(gone))
            return HttpResponseRedirect(reverse("admin:import_file"))
        if "discard" in request.POST:
            remove_feed(token)
            return HttpResponseRedirect(reverse("admin:import_file"))
        if "import" in request.POST:
            begun = request_import(feed, request.user.get_username())
            record_request(request, "import file", f"import {begun.pk}", feed.name)
            start_queued_run(IndexingRun.Kind.IMPORT, request.user.get_username())
            self.message_user(request, _("%(name)s is being imported.") % {"name": feed.name})
            return _to_import(begun)
        preview, problem = attempt(partial(preview_upload, feed))
        choices = {"may_import": preview is not None and bool(preview.good)}
        page = PreviewPage(
            _("Preview of %(name)s") % {"name": feed.name},
            "admin/catalog/productimport/choices.html",
            choices,
            problem,
        )
        return show_preview(request, self.admin_site, self.opts, page, preview)

    def _warn(self, request: HttpRequest, sentence: str) -> None:
        self.message_user(request, sentence, messages.WARNING)


def check_right(request: HttpRequest) -> None:
    """Raises PermissionDenied if the user may not import."""
    require(request, Right.OPERATE)


def _check_token_later(view: Any) -> Any:
    """Marks a view that checks the CSRF token itself. Django's middleware would read the whole body
    for it, before the view can say who may send one."""

    @csrf_exempt
    def answer(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = view(request)
        return response

    return answer


def _user_id(request: HttpRequest) -> int:
    assert request.user.pk is not None  # the right was checked
    return int(request.user.pk)


def _to_import(product_import: ProductImport) -> HttpResponseRedirect:
    address = reverse("admin:catalog_productimport_change", args=[product_import.pk])
    return HttpResponseRedirect(address)
