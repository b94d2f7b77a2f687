"""Counters of the REST API for Prometheus, of this process. Their labels have few values: no
address, no key and no path of a request is one."""

from typing import Any

from prometheus_client import Counter

CALLS = Counter(
    "vitrina_api_calls",
    "Calls that this process answered, by route, method, status and kind of caller.",
    ["route", "method", "status", "caller"],
)
THROTTLED = Counter(
    "vitrina_api_throttled",
    "Calls that this process refused because of a limit: of the address, the key, or events.",
    ["limit"],
)
ITEMS = Counter(
    "vitrina_api_items",
    "Items of imports and of changes of prices that this process answered.",
    ["action", "result"],
)
REPLAYED = Counter(
    "vitrina_api_replays", "Calls that were repeated with their Idempotency-Key and not done again."
)
OTHER_METHOD = "OTHER"


def count_call(view: Any, request: Any, status: int) -> None:
    """Counts a call that a view of the API has answered."""
    known = request.method.lower() in view.http_method_names
    match = request.resolver_match
    CALLS.labels(
        match.route if match else "",
        request.method if known else OTHER_METHOD,
        str(status),
        _kind_of_caller(view, request, status),
    ).inc()


def _kind_of_caller(view: Any, request: Any, status: int) -> str:
    """Returns secret, publishable, anonymous, or refused for a key that may not be used."""
    if status == 401 and "HTTP_AUTHORIZATION" in request.META:
        return "refused"
    key = view.page_key
    return str(key.kind) if key is not None else "anonymous"
