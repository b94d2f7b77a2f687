"""Shows errors of the console within the console, in the language of the reader: as a message on
the previous page, or as an error page."""

import logging
from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import DataError, Error, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from redis import RedisError

from catalog.api.problems import retry_after_s
from catalog.visual.errors import EncoderError

log = logging.getLogger("vitrina.console")

TRANSIENT_ERRORS = (OperationalError, InterfaceError, RedisError, OSError, EncoderError)
INVALID_VALUE_ERRORS = (DataError, RecursionError, UnicodeEncodeError)
HANDLED_ERRORS = (*TRANSIENT_ERRORS, *INVALID_VALUE_ERRORS, Error, ObjectDoesNotExist)


class ConsoleErrors:
    """Middleware that turns HANDLED_ERRORS of the console, missing rights and missing pages into
    sentences. All other errors are bugs and stay errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not _is_of_console(request):
            return None
        if isinstance(error, PermissionDenied | Http404):
            status = 403 if isinstance(error, PermissionDenied) else 404
            return _render_error_page(request, describe_error(error), status)
        if not isinstance(error, HANDLED_ERRORS):
            return None
        log.warning("%s %s: %s", request.method, request.path, error, exc_info=error)
        if request.method == "POST":
            list(messages.get_messages(request))  # messages from before the failure are not true
            messages.error(request, describe_error(error))
            return HttpResponseRedirect(_find_previous_page(request))
        status = 503 if isinstance(error, TRANSIENT_ERRORS) else 400
        return _render_error_page(request, describe_error(error), status)


def refuse_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form without a valid CSRF token (CSRF_FAILURE_VIEW). The frame of the console needs
    a user who may enter."""
    if not _is_of_console(request) or not admin.site.has_permission(request):
        return csrf_failure(request, reason)
    sentence = _("The page was open for too long, or cookies are off. Reload it and try again.")
    return _render_error_page(request, sentence, 403)


def describe_error(error: Exception) -> str:
    """Says what went wrong and what the reader can do."""
    if isinstance(error, PermissionDenied):
        return _(
            "You do not have the right to do this, so nothing was changed. A superuser can give it"
            " to you."
        )
    if isinstance(error, Http404):
        return _("There is no such page. What it was about may have been deleted.")
    if isinstance(error, OperationalError | InterfaceError):
        return _("The database did not answer. Try again in a moment.")
    if isinstance(error, IntegrityError):
        return _(
            "Somebody has changed this in the meantime. Check the current values and try again."
        )
    if isinstance(error, INVALID_VALUE_ERRORS):
        return _("The database does not accept one of the values. Nothing was changed.")
    if isinstance(error, ObjectDoesNotExist):
        return _("This row no longer exists: somebody has deleted it.")
    if isinstance(error, RedisError):
        return _("The task queue cannot be reached. Try again in a moment.")
    if isinstance(error, OSError):
        reason = str(error.strerror or error).rstrip(".")
        return _("A file cannot be read or written: %(reason)s.") % {"reason": reason}
    if isinstance(error, EncoderError):
        return str(error)
    return _("The database refused this. The log gives the reason.")


def _is_of_console(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and admin.site.name in match.namespaces


def _find_previous_page(request: HttpRequest) -> str:
    referer = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure()):
        return referer
    return request.get_full_path()


def _render_error_page(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    try:
        context = {
            **admin.site.each_context(request),
            "title": _("That did not work"),
            "sentence": sentence,
            "may_try_again": status == 503,
        }
        response = render(request, "admin/console_error.html", context, status=status)
    except Error:  # the user cannot be read, so the console's frame cannot be shown
        response = render(request, "503.html", status=503)
    if wait := retry_after_s(response.status_code):
        response.headers["Retry-After"] = str(wait)
    return response
