"""Answers that a client already has, and compressed answers."""

import hashlib
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.http import parse_etags

OF_A_BODY = {"content-type", "content-length", "content-encoding", "content-disposition"}
ETAG_DIGITS = 32
Answer = TypeVar("Answer", bound=HttpResponseBase)

_compression = GZipMiddleware(lambda request: HttpResponse())


def answer_if_changed(
    request: HttpRequest, response: Answer, etag: str = ""
) -> Answer | HttpResponseNotModified:
    """Gives a response its ETag, by default a hash of its body. Returns an answer 304 without a
    body, and with the same headers, if the header If-None-Match of the request names it
    (RFC 9110, 13.1.2)."""
    response.headers["ETag"] = etag = etag or etag_of(getattr(response, "content", b""))
    named = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if named != ["*"] and etag not in (name.removeprefix("W/") for name in named):
        return response
    unchanged = HttpResponseNotModified()
    for name, value in response.headers.items():
        if name.lower() not in OF_A_BODY:
            unchanged.headers[name] = value
    response.close()
    return unchanged


def etag_of(content: bytes) -> str:
    """Returns a strong ETag of some bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:ETAG_DIGITS]}"'


def compress_answer(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Compresses the body by gzip if the client takes that. The ETag then becomes a weak one. A
    few random bytes hide how well it compresses (https://www.breachattack.com/)."""
    compressed: HttpResponse = _compression.process_response(request, response)
    return compressed
