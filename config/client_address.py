"""Whose request it is, behind proxies."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddress:
    """Middleware that puts the client's address into `REMOTE_ADDR`, where all else reads it.

    `X-Forwarded-For` counts only if the peer is one of FORWARDED_ALLOW_IPS, and of it the last
    address that is none of them: each proxy appends the peer that it saw, so whatever stands before
    that may be made up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        request.META["REMOTE_ADDR"] = client_address(peer, forwarded, settings.FORWARDED_ALLOW_IPS)
        return self.get_response(request)


def client_address(peer: str, forwarded: str, proxies: Sequence[str]) -> str:
    """The address of the client, given that of the peer, `X-Forwarded-For`, and the addresses and
    networks of the proxies (`*`: any peer is one proxy)."""
    client = peer
    for hop in reversed([hop.strip() for hop in forwarded.split(",")]):
        if not _is_one_of(client, proxies) or _address(hop) is None:
            break
        client = hop
        if "*" in proxies:
            break
    return client


def _is_one_of(text: str, proxies: Sequence[str]) -> bool:
    address = _address(text)
    if "*" in proxies or address is None:
        return "*" in proxies
    return any(address in ip_network(network) for network in proxies)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that the text names, IPv4 where IPv6 only wraps it; None where it names none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
