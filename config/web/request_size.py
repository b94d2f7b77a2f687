"""Refuses requests that are too large, by their Content-Length, before anything reads them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from catalog.api.problems import problem_body
from config.web.upload_size import PHOTO_PATH, body_max_bytes, is_upload
from search.api.problem_details import CONTENT_TYPE
from search.page.errors import PageError

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestSizeMiddleware:
    """Answers 413 if a body is larger than its path allows. Django itself limits only the fields of
    multipart forms, and not JSON that is read as a stream. Answers 411 to chunked bodies without a
    length.

    The page and the call that take imports check the right of the user before they read the
    body."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return _refuse(request, 411, "Send the request with a Content-Length.")
        max_bytes = body_max_bytes(request.path, request.content_type == "multipart/form-data")
        if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
            return _refuse(request, 413, f"Send at most {max_bytes // 1024**2} MB.")
        return self._get_response(request)


def _refuse(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    code = "image_too_large" if status == 413 else "parameter_invalid"
    if request.path.startswith("/api/"):
        if status == 413 and request.path != PHOTO_PATH:
            code = "parameter_invalid"
        body = problem_body(status, code, detail)
        return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    template = "search/_problem.html" if request.headers.get("HX-Request") else "413.html"
    sentence = _describe_too_large(request) if status == 413 else detail
    context = {"problem": PageError(status, code, sentence)}
    return render(request, template, context, status=status)


def _describe_too_large(request: HttpRequest) -> str:
    if is_upload(request.path):
        return _("This file is too large. Import files of at most %(size)s MB here.") % {
            "size": settings.IMPORT_UPLOAD_BYTES // 1024**2
        }
    return _("This is too large. Send at most %(count)s photos of %(size)s MB each.") % {
        "count": settings.IMAGES_PER_QUERY,
        "size": settings.IMAGE_MAX_BYTES // 1024**2,
    }
