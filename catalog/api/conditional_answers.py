"""Answers that a client already has, and compressed answers."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.http import parse_etags

OF_A_BODY = {"content-type", "content-length", "content-encoding"}
ETAG_DIGITS = 32

_compression = GZipMiddleware(lambda request: HttpResponse())


def answer_if_changed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Gives a response the ETag of its body. Returns an answer 304 without a body, and with the
    same headers, if the client has this body already."""
    response.headers["ETag"] = etag = etag_of(response.content)
    if not has_already(request, etag):
        return response
    unchanged = HttpResponseNotModified()
    for name, value in response.headers.items():
        if name.lower() not in OF_A_BODY:
            unchanged.headers[name] = value
    return unchanged


def has_already(request: HttpRequest, etag: str) -> bool:
    """Returns whether the header If-None-Match of a request names a strong ETag
    (RFC 9110, 13.1.2)."""
    named = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    return named == ["*"] or etag in (name.removeprefix("W/") for name in named)


def etag_of(content: bytes) -> str:
    """Returns a strong ETag of some bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:ETAG_DIGITS]}"'


def compress_answer(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """Compresses the body by gzip if the client takes that. The ETag then becomes a weak one. A
    few random bytes hide how well it compresses (https://www.breachattack.com/)."""
    return _compression.process_response(request, response)
