"""Cross-origin requests (CORS): pages of other origins may read answers if their publishable key
names their origin."""

from collections.abc import Iterable, Sequence

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from catalog.models import ApiKey, Scope

REQUEST_HEADERS = "Authorization, Content-Type, Accept-Language, Idempotency-Key, If-None-Match"
READABLE_HEADERS = (
    "ETag, Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After,"
    " Server-Timing, X-Request-Id"
)
PREFLIGHT_KEPT_S = 600


def answer_preflight(
    request: HttpRequest, methods: Sequence[str], scopes: Iterable[Scope]
) -> HttpResponse:
    """Answers OPTIONS. A browser asks in this way, without a key, whether a page of another origin
    may make a call."""
    response = HttpResponse(status=204, headers={"Allow": ", ".join(methods)})
    patch_vary_headers(response, ["Origin"])
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin and ApiKey.objects.allowing(origin, scopes).exists():
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Methods"] = ", ".join(methods)
        response["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_S)
    return response


def allow_page(request: HttpRequest, response: HttpResponseBase, key: ApiKey | None) -> None:
    """Lets the page that sent the request read the answer if its key names its origin. This holds
    for errors too, such as that the key has expired."""
    patch_vary_headers(response, ["Origin"])
    origin = request.META.get("HTTP_ORIGIN", "")
    if key is not None and key.is_publishable and origin in key.origins:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Expose-Headers"] = READABLE_HEADERS
