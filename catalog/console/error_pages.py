"""Errors of the console stay in the console: as a message on the page one came from, or a page of
its own, in the reader's language."""

import logging
from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, Error, IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from redis import RedisError

from catalog.problems import RETRY_AFTER_S
from catalog.visual.errors import EncoderError

log = logging.getLogger("vitrina.console")

PASSES = (OperationalError, InterfaceError, RedisError, OSError, EncoderError)
UNKEEPABLE = (DataError, RecursionError, UnicodeEncodeError)
FORESEEN = (*PASSES, *UNKEEPABLE, Error, ObjectDoesNotExist)


class ConsoleErrors:
    """Middleware. What is not foreseen is a bug, and goes on being one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or admin.site.name not in match.namespaces:
            return None
        if not isinstance(error, FORESEEN):
            return None
        log.warning("%s %s: %s", request.method, request.path, error, exc_info=error)
        if request.method == "POST":
            list(messages.get_messages(request))  # what was said before it failed is not true
            messages.error(request, sentence(error))
            return HttpResponseRedirect(_came_from(request))
        return _page(request, error)


def sentence(error: Exception) -> str:
    """What went wrong, and what a person may do."""
    if isinstance(error, OperationalError | InterfaceError):
        return _("The database did not answer. Try again in a moment.")
    if isinstance(error, IntegrityError):
        return _("Somebody has changed this meanwhile. Look at it as it is now, and try again.")
    if isinstance(error, UNKEEPABLE):
        return _("The database does not take one of the values. Nothing was changed.")
    if isinstance(error, ObjectDoesNotExist):
        return _("This is gone: somebody has deleted it.")
    if isinstance(error, RedisError):
        return _("The task queue cannot be reached. Try again in a moment.")
    if isinstance(error, OSError):
        return _("A file cannot be read or written: %(reason)s.") % {
            "reason": error.strerror or error
        }
    if isinstance(error, EncoderError):
        return str(error)
    return _("The database refused this. The log says why.")


def _came_from(request: HttpRequest) -> str:
    referer = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure()):
        return referer
    return request.get_full_path()


def _page(request: HttpRequest, error: Exception) -> HttpResponse:
    passes = isinstance(error, PASSES)
    status = 503 if passes else 400
    try:
        context = {**admin.site.each_context(request), "sentence": sentence(error)}
        response = render(request, "admin/console_error.html", context, status=status)
    except Error:  # nobody knows who is asking, so there is no console to show it in
        response = render(request, "503.html", status=status)
    if passes:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
