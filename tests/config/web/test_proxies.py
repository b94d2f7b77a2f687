"""The client's address comes from headers of trusted proxies only."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from config.environment import read_networks
from config.web.proxies import TrustedProxyMiddleware, find_client_address

LOCAL = ["127.0.0.1", "::1"]
INSIDE = ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("198.51.100.7", "", LOCAL, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", LOCAL, "198.51.100.7"),  # a stranger's header
        ("127.0.0.1", "203.0.113.9", LOCAL, "203.0.113.9"),
        ("::1", "2001:db8::9", LOCAL, "2001:db8::9"),
        ("::ffff:127.0.0.1", "203.0.113.9", LOCAL, "203.0.113.9"),
        ("127.0.0.1", "", LOCAL, "127.0.0.1"),
        # The client may have written the entries before the one that the proxy appended.
        ("127.0.0.1", "192.0.2.1, 203.0.113.9", LOCAL, "203.0.113.9"),
        ("127.0.0.1", "127.0.0.1, 203.0.113.9", LOCAL, "203.0.113.9"),
        # Two proxies, of which the outer one is trusted or not.
        ("10.1.1.1", "203.0.113.9, 10.2.2.2", INSIDE, "203.0.113.9"),
        ("10.1.1.1", "192.0.2.1,203.0.113.9,10.2.2.2", INSIDE, "203.0.113.9"),
        ("10.1.1.1", "203.0.113.9, 192.0.2.2", INSIDE, "192.0.2.2"),
        ("10.1.1.1", "10.3.3.3", INSIDE, "10.3.3.3"),
        # Every peer is trusted, but only the peer.
        ("198.51.100.7", "192.0.2.1, 203.0.113.9", ["*"], "203.0.113.9"),
        # Entries that are not addresses end the chain.
        ("127.0.0.1", "unknown", LOCAL, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, <script>", LOCAL, "127.0.0.1"),
        ("127.0.0.1", ", ,", LOCAL, "127.0.0.1"),
        ("", "203.0.113.9", LOCAL, ""),
    ],
)
def test_the_clients_address(peer: str, forwarded: str, proxies: list[str], client: str) -> None:
    networks = read_networks("NOT_SET", proxies)

    assert find_client_address(peer, forwarded, networks) == client


def test_the_middleware_sets_the_clients_address(settings: Any) -> None:
    settings.TRUSTED_PROXIES = read_networks("NOT_SET", ["10.0.0.0/8"])
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}

    TrustedProxyMiddleware(lambda given: HttpResponse())(request)

    assert request.META["REMOTE_ADDR"] == "203.0.113.9"
