"""Errors as application/problem+json (RFC 9457), with a code for programs and a sentence for
people."""

import logging
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import set_rollback

from catalog.api.problems import problem_body, retry_after_s
from search.errors import describe_error

log = logging.getLogger("vitrina.api")

CONTENT_TYPE = "application/problem+json"


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
