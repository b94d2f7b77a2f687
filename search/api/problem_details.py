"""Errors as application/problem+json (RFC 9457), with a code for programs and a sentence for
people."""

import logging
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from catalog.imaging.image_decoding import ImageError
from catalog.index.live_index import IndexNotReady
from catalog.problems import retry_after_s
from catalog.visual.errors import EncoderError
from search.request import RequestError

log = logging.getLogger("vitrina.api")

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Permission denied",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    411: "Length required",
    413: "Too large",
    415: "Unsupported type",
    429: "Too many requests",
    503: "Unavailable",
}


def problem_body(status: int, code: str, detail: str) -> dict[str, Any]:
    """The JSON body of a problem response."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }


def describe(error: Exception) -> tuple[int, str, str] | None:
    """The status, the code of the public contract and the sentence of an expected error; None for
    any other error."""
    if isinstance(error, ImageError | RequestError):
        return error.status, error.code, str(error)
    if isinstance(error, IndexNotReady):
        return 503, "index_not_ready", str(error)
    if isinstance(error, EncoderError):
        return 503, "unavailable", str(error)
    if isinstance(error, OperationalError | InterfaceError):
        return 503, "unavailable", "The database cannot be reached; try again in a moment."
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return 413, "image_too_large", "The request is too large."
    if isinstance(error, SuspiciousOperation):
        return 400, "parameter_invalid", f"The request is refused: {error}"
    if isinstance(error, Http404 | exceptions.NotFound):
        return 404, "not_found", str(error) or "There is nothing at this address."
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return 403, "permission_denied", "You may not do this."
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return 401, "not_authenticated", str(error.detail)
    if isinstance(error, exceptions.Throttled):
        return 429, "throttled", str(error.detail)
    if isinstance(error, exceptions.APIException):
        sentence = _sentence(error.detail)
        ended = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
        return error.status_code, "parameter_invalid", ended
    return None


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """The exception handler of Django REST framework: a response for an expected error, None for
    any other error."""
    described = describe(error)
    if described is None:
        return None
    set_rollback()
    status, code, _ = described
    if status == 503:
        log.warning("%s: %s", code, error)
    response = Response(problem_body(*described), status=status, content_type=CONTENT_TYPE)
    wait = getattr(error, "wait", None) or retry_after_s(status)
    if wait:
        response["Retry-After"] = str(int(wait))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """The view of all addresses under /api/ that do not exist."""
    body = problem_body(404, "not_found", f"There is nothing at {request.path}.")
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)


def _sentence(detail: Any) -> str:
    """The errors of a serializer, which may be nested, as one line."""
    if isinstance(detail, dict):
        parts = []
        for name, value in detail.items():
            text = _sentence(value)
            parts.append(text if name in ("non_field_errors", "detail") else f"{name}: {text}")
        return " ".join(parts)
    if isinstance(detail, list):
        return " ".join(_sentence(item) for item in detail)
    return str(detail)
