"""The base class of every call of the REST API: who calls, how often, from which pages, and how
long it takes. `search/api/problem_details.py` renders the errors."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import (
    AuthenticationFailed,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    Throttled,
)
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from catalog.api.access_keys import find_key, note_use
from catalog.api.call_figures import THROTTLED, count_call
from catalog.api.call_limits import Allowance, Sender, charge_address, charge_key
from catalog.api.conditional_answers import answer_if_changed, compress_answer
from catalog.api.cross_origin import allow_page, answer_preflight
from catalog.console.rights import may
from catalog.models import ApiKey, Scope

NO_KEY = "This call needs a key. Send it in the header Authorization: Bearer KEY."
Row = TypeVar("Row", bound=Model)


def find_row(model: type[Row], pk: int, name: str) -> Row:
    """Returns the row of a model by its primary key. Raises NotFound with `name` in a sentence."""
    row: Row | None = model._default_manager.filter(pk=pk).first()
    if row is None:
        raise NotFound(f"There is no {name} {pk}.")
    return row


class KeyAuthentication(BaseAuthentication):
    """Reads the key of `Authorization: Bearer KEY`. Calls with a wrong key count towards the limit
    of their address. Other schemes, such as the password of a proxy, are not keys."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = find_key(text.strip())
        view = request.parser_context["view"]
        view.page_key = found
        if found is None or found.revoked_at or found.is_expired:
            view.charge(request, None)
            raise AuthenticationFailed(_describe_refusal(found))
        origin = request.META.get("HTTP_ORIGIN", "")
        if found.is_publishable and origin not in found.origins:
            view.charge(request, None)
            raise PermissionDenied(f"This key is for the pages of {', '.join(found.origins)} only.")
        note_use(found)
        return AnonymousUser(), found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        scopes = view.needed_scopes(request.method)  # type: ignore[attr-defined]
        if any(may(request.auth, scope) for scope in scopes):
            return True
        if request.auth is None:
            raise NotAuthenticated(NO_KEY)
        self.message = f"This key is not for {scopes[0]}. Make one with the scope {scopes[0]}."
        return False


class CallThrottle(BaseThrottle):
    """Limits the calls of an address, or of a key."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        view.charge(request, request.auth)  # type: ignore[attr-defined]
        return True


class ApiView(APIView):
    """A call of the REST API. `scopes`: the call needs a key with one of them, unless it is open to
    everybody (`rights.may`). `method_scopes`: other scopes of some methods. `is_conditional`: a GET
    has an ETag. `is_repeatable`: a POST takes an Idempotency-Key."""

    scopes: tuple[Scope, ...] = ()
    method_scopes: Mapping[str, tuple[Scope, ...]] = {}
    is_conditional = True
    is_repeatable = False
    authentication_classes = [KeyAuthentication]
    permission_classes = [HasScope]
    throttle_classes: list[type[BaseThrottle]] = [CallThrottle]
    sender = Sender.ADDRESS
    page_key: ApiKey | None = None  # the key of the request, even if it may not be used
    allowance: Allowance | None = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.began = time.perf_counter()
        if request.method == "OPTIONS":  # a preflight of a browser, which has no key
            asked = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
            return answer_preflight(request, self.allowed_methods, self.needed_scopes(asked))
        return super().dispatch(request, *args, **kwargs)

    def needed_scopes(self, method: str | None) -> tuple[Scope, ...]:
        """Returns the scopes of which a key needs one to call this method."""
        return self.method_scopes.get(method or "", self.scopes)

    def calls_per_address(self) -> int:
        """Returns how many calls a minute an address may make, 0 for any number."""
        return int(settings.CALLS_PER_ADDRESS)

    def charge(self, request: Request, key: ApiKey | None) -> None:
        """Charges this call to its key, or to its address if it has none. A publishable key is
        known to everybody, so its calls are charged to their address, and to the key only if the
        key has a limit of its own. Raises Throttled."""
        is_public = key is None or key.is_publishable
        if is_public and (limit := self.calls_per_address()):
            self._keep(charge_address(request.META["REMOTE_ADDR"], limit, self.sender), "address")
        if key is None:
            return
        default = 0 if key.is_publishable else settings.CALLS_PER_KEY
        if limit := key.calls_per_minute or default:
            self._keep(charge_key(key.pk, limit), "key")

    def _keep(self, allowance: Allowance, of: str) -> None:
        if self.allowance is None or allowance.remaining <= self.allowance.remaining:
            self.allowance = allowance
        if allowance.wait_s:
            self.allowance = allowance
            THROTTLED.labels(of).inc()
            raise Throttled(wait=allowance.wait_s)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        finished: Response = super().finalize_response(request, response, *args, **kwargs)
        count_call(self, request, finished.status_code)
        milliseconds = (time.perf_counter() - self.began) * 1000
        finished.headers.setdefault("Server-Timing", f"total;dur={milliseconds:.2f}")
        if self.allowance is not None:
            finished["RateLimit-Limit"] = str(self.allowance.limit)
            finished["RateLimit-Remaining"] = str(self.allowance.remaining)
            finished["RateLimit-Reset"] = str(-int(-self.allowance.reset_s // 1))
        allow_page(request, finished, self.page_key)
        patch_vary_headers(finished, ["Authorization", "Accept-Encoding"])
        if (
            self.is_conditional
            and request.method in ("GET", "HEAD")
            and finished.status_code == 200
        ):
            finished.headers.setdefault("Cache-Control", "no-cache")  # kept, but asked for again
            finished.add_post_render_callback(partial(answer_if_changed, request))
        finished.add_post_render_callback(partial(compress_answer, request))
        return finished


def name_caller(request: Request) -> str:
    """Returns how the audit log and the ledger name the key of a request."""
    key: Any = request.auth
    return f"API key {key.pk} ({key.name})" if key else "–"


def _describe_refusal(key: ApiKey | None) -> str:
    if key is None:
        return "This key is not known. Send a key in the header Authorization: Bearer KEY."
    return "This key is revoked." if key.revoked_at else "This key has expired."
