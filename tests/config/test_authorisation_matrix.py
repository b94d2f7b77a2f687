"""Who may make which call of the API. The rows are compared with the URL configuration: a call
without a row fails."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from catalog.api.access_keys import create_key, revoke_key
from catalog.models import ApiKey

pytestmark = pytest.mark.django_db

SHOP, OTHER = "https://shop.example", "https://other.example"
# What each call needs: "search" and "events" are open to everybody by default, "open" always is.
CALLS = {
    "GET api/v1/search/text/": {"search"},
    "POST api/v1/search/photo/": {"search"},
    "GET api/v1/search/suggestions/": {"search"},
    "GET api/v1/products/": {"search"},
    "GET api/v1/products/<rowid:pk>/": {"search"},
    "GET api/v1/products/<rowid:pk>/similar/": {"search"},
    "POST api/v1/events/": {"events"},
    "DELETE api/v1/events/": {"events"},
    "GET api/v1/recommendations/": {"search"},
    "POST api/v1/products/import/": {"catalog"},
    "PATCH api/v1/products/": {"catalog"},
    "DELETE api/v1/products/<rowid:pk>/": {"catalog"},
    "GET api/v1/sources/": {"catalog"},
    "POST api/v1/sources/": {"catalog"},
    "GET api/v1/sources/<rowid:pk>/": {"catalog"},
    "DELETE api/v1/sources/<rowid:pk>/": {"catalog"},
    "POST api/v1/sources/<rowid:pk>/pull/": {"catalog"},
    "GET api/v1/webhooks/": {"index"},
    "POST api/v1/webhooks/": {"index"},
    "DELETE api/v1/webhooks/<rowid:pk>/": {"index"},
    "GET api/v1/index/": {"search", "index"},
    "GET api/v1/index/runs/": {"index"},
    "POST api/v1/index/runs/": {"index"},
    "GET api/v1/index/runs/<rowid:pk>/": {"index"},
    "POST api/v1/index/runs/<rowid:pk>/pause/": {"index"},
    "POST api/v1/index/runs/<rowid:pk>/resume/": {"index"},
    "POST api/v1/index/runs/<rowid:pk>/cancel/": {"index"},
    "GET api/v1/index/generations/": {"index"},
    "POST api/v1/index/generations/<rowid:pk>/publish/": {"index"},
    "POST api/v1/index/rollback/": {"index"},
    "GET api/v1/schema/": {"open"},
    "GET api/docs/": {"open"},
    "ANY ^api/": {"open"},
}
VALUES = {"<rowid:pk>": "999999999"}
OPEN_BY_DEFAULT = {"search", "events", "open"}
SCOPES = ["search", "events", "catalog", "index"]
CALLERS = [
    "anonymous",
    *SCOPES,
    "publishable, right origin",
    "publishable, wrong origin",
    "publishable, no origin",
    "expired",
    "revoked",
    "unknown",
    "not a key",
]


def routes(patterns: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields each route below api/ of the URL configuration, with its view."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and "api/" in route:
            yield route, pattern.callback


def calls() -> set[str]:
    """Returns the calls of the URL configuration, with their methods."""
    found = set()
    for route, view in routes(get_resolver().url_patterns):
        of = getattr(view, "view_class", getattr(view, "cls", None))
        methods = ["ANY"] if of is None else [m.upper() for m in ("get", "post", "put", "patch")]
        methods += [] if of is None else ["DELETE"]
        for method in methods:
            if of is None or hasattr(of, method.lower()):
                found.add(f"{method} {route}")
    return found


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}


@pytest.fixture
def keys() -> dict[str, tuple[str, str]]:
    """The key and the origin of each caller."""
    made = {scope: (create_key(scope, [scope], "test")[1], "") for scope in SCOPES}
    for caller, origin in (("right", SHOP), ("wrong", OTHER), ("no", "")):
        _, key = create_key("shop", ["search", "events"], "test", origins=[SHOP])
        made[f"publishable, {caller} origin"] = key, origin
    expired, key = create_key("old", SCOPES, "test")
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    made["expired"] = key, ""
    revoked, key = create_key("lost", SCOPES, "test")
    revoke_key(revoked)
    made["revoked"] = key, ""
    return {**made, "unknown": (f"{key}x", ""), "not a key": ("\x00é", "")}


def expected_of(caller: str, needs: set[str], is_open: bool) -> int | None:
    """Returns the status of the refusal, or None if the caller may make the call."""
    if "open" in needs:
        return None
    if caller in ("expired", "revoked", "unknown", "not a key"):
        return 401
    if caller in ("publishable, wrong origin", "publishable, no origin"):
        return 403
    has = {"search", "events"} if caller.startswith("publishable") else {caller}
    if has & needs or (is_open and needs & OPEN_BY_DEFAULT):
        return None
    return 401 if caller == "anonymous" else 403


def test_every_call_has_a_row() -> None:
    assert calls() == set(CALLS)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_calls_are_open_to_whom_they_should_be(
    settings: Any, client: Client, keys: dict[str, tuple[str, str]], caller: str, is_open: bool
) -> None:
    settings.SEARCH_OPEN = is_open
    key, origin = keys.get(caller, ("", ""))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= {"Origin": origin} if origin else {}
    problems = []
    for call, needs in CALLS.items():
        if "open" in needs and caller not in ("anonymous", "unknown"):
            continue
        method, route = call.split(" ")
        for name, value in VALUES.items():
            route = route.replace(name, value)
        path = f"/{route.lstrip('^')}"
        method = "GET" if method == "ANY" else method
        response = client.generic(method, path, b"", "application/json", headers=headers)
        refused = response.status_code if response.status_code in (401, 403) else None
        if refused != expected_of(caller, needs, is_open):
            problems.append(f"{call}: {response.status_code}")
        if refused:
            code = {401: "not_authenticated", 403: "permission_denied"}[refused]
            assert response.json()["code"] == code
            assert ("WWW-Authenticate" in response) == (refused == 401)
        may_read = response.headers.get("Access-Control-Allow-Origin")
        if "open" not in needs:
            assert may_read == (SHOP if caller == "publishable, right origin" else None)
    assert problems == []


def test_a_browser_may_ask_first_only_for_origins_that_a_key_names(
    client: Client, keys: dict[str, tuple[str, str]]
) -> None:
    asks = {"Access-Control-Request-Headers": "authorization"}
    for call, needs in CALLS.items():
        if "open" in needs:
            continue
        method, route = call.split(" ")
        asks["Access-Control-Request-Method"] = method
        path = "/" + route.replace("<rowid:pk>", "1")
        mine, other = (
            client.options(path, headers={**asks, "Origin": origin}) for origin in (SHOP, OTHER)
        )
        assert (mine.status_code, other.status_code) == (204, 204), call
        allowed = bool(needs & {"search", "events"})
        assert ("Access-Control-Allow-Origin" in mine) is allowed, call
        if allowed:
            assert mine["Access-Control-Allow-Origin"] == SHOP
            assert method in mine["Access-Control-Allow-Methods"]
            assert "Authorization" in mine["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Origin" not in other, call
        assert "Origin" in other["Vary"]
