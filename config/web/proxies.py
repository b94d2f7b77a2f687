"""Takes the client's address and scheme from the headers of trusted proxies."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Networks = Sequence[IPv4Network | IPv6Network]


class TrustedProxyMiddleware:
    """Sets REMOTE_ADDR from X-Forwarded-For and the scheme from X-Forwarded-Proto if the peer is a
    proxy of FORWARDED_ALLOW_IPS. It ignores both headers of other peers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.setdefault("REMOTE_ADDR", "")  # missing on a unix socket
        proxies = settings.TRUSTED_PROXIES
        if _is_one_of(peer, proxies):
            forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = find_client_address(peer, forwarded, proxies)
            if request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                request.META["wsgi.url_scheme"] = "https"
        return self._get_response(request)


def find_client_address(peer: str, forwarded: str, proxies: Networks) -> str:
    """Returns the client's address: the last address in X-Forwarded-For that is not one of
    `proxies`, or the first one if all are. Each proxy appends the address of its peer, so clients
    can forge the entries before. If every peer is trusted, only the last entry counts. An entry
    that is not an address ends the chain."""
    any_peer = any(network.prefixlen == 0 for network in proxies)
    client = peer
    for entry in reversed(forwarded.split(",")):
        address = _parse_address(entry)
        if not _is_one_of(client, proxies) or address is None:
            break
        client = str(address)
        if any_peer:
            break
    return client


def _is_one_of(text: str, proxies: Networks) -> bool:
    address = _parse_address(text)
    return address is not None and any(address in network for network in proxies)


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Returns the address in the text, or None. IPv4 addresses in IPv6 notation become IPv4."""
    try:
        address = ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
