"""Gives each request an id, which its answer and its log lines have."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.log_lines import META_NAME, current_request_id

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Keeps the id that a proxy or a client sends, if it looks like one, and makes one
    otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        request.META[META_NAME] = request_id  # for what Django logs after this middleware
        token = current_request_id.set(request_id)
        try:
            response = self._get_response(request)
        finally:
            current_request_id.reset(token)
        response[HEADER] = request_id
        return response
