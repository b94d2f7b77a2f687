"""Errors as application/problem+json (RFC 9457), with a code for programs and a sentence for
people."""

import logging
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import set_rollback

from catalog.problems import retry_after_s
from search.errors import describe_error

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
    """Returns the JSON body of a problem response."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """The exception handler of Django REST framework. Returns a response for an expected error and
    None for any other error."""
    described = describe_error(error)
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
    """The view of all paths under /api/ that do not exist."""
    body = problem_body(404, "not_found", f"There is nothing at {request.path}.")
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)
