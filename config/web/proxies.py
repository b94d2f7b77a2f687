"""What a proxy in front says about its client, believed only where the proxy is one of ours."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Networks = Sequence[IPv4Network | IPv6Network]


class TrustedProxyMiddleware:
    """From a proxy of FORWARDED_ALLOW_IPS, takes the client's address (REMOTE_ADDR) from
    X-Forwarded-For and the scheme from X-Forwarded-Proto; from all others, neither."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.setdefault("REMOTE_ADDR", "")  # empty for a unix socket
        proxies = settings.TRUSTED_PROXIES
        if _is_one_of(peer, proxies):
            forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = client_address(peer, forwarded, proxies)
            if request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                request.META["wsgi.url_scheme"] = "https"
        return self._get_response(request)


def client_address(peer: str, forwarded: str, proxies: Networks) -> str:
    """The address of the client, given that of the peer, X-Forwarded-For, and our proxies: the last
    address of the chain that is none of them. Each proxy appends the peer that it saw, so that
    anybody may have written what stands before. Where any peer is trusted, the chain has one
    proxy. An entry that is no address ends the chain."""
    any_peer = any(network.prefixlen == 0 for network in proxies)
    client = peer
    for entry in reversed(forwarded.split(",")):
        address = _address(entry)
        if not _is_one_of(client, proxies) or address is None:
            break
        client = str(address)
        if any_peer:
            break
    return client


def _is_one_of(text: str, proxies: Networks) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in proxies)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that the text names, IPv4 where IPv6 only wraps it; None where it names none."""
    try:
        address = ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
