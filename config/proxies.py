"""What a proxy in front says about its client, believed only where the proxy is one of ours."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class TrustedProxyMiddleware:
    """From a proxy of FORWARDED_ALLOW_IPS, takes the client's address (REMOTE_ADDR) from
    X-Forwarded-For and the scheme from X-Forwarded-Proto; from all others, neither."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_trusted(request.META.get("REMOTE_ADDR", "")):
            chain = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
            request.META["REMOTE_ADDR"] = _client(request.META["REMOTE_ADDR"], chain)
            if request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                request.META["wsgi.url_scheme"] = "https"
        return self._get_response(request)


def _client(peer: str, chain: list[str]) -> str:
    """The last address of the chain that is none of our proxies: what stands before it, anybody
    may have written. An entry that is no address ends the chain."""
    for entry in reversed(chain):
        try:
            peer = str(ip_address(entry.strip().removeprefix("[").removesuffix("]")))
        except ValueError:
            break
        if not _is_trusted(peer):
            break
    return peer


def _is_trusted(address: str) -> bool:
    try:
        given = ip_address(address)
    except ValueError:
        return False
    return any(given in network for network in settings.TRUSTED_PROXIES)
