"""Nothing but public hosts is contacted, however they are written and wherever redirects lead."""

from collections.abc import Callable
from typing import Any

import httpcore2
import pytest

from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.network_guard import AddressRefused, NetworkGuard, is_public
from catalog.importing.fetching.web_address import parse_address
from tests.catalog.importing.fetching.photo_server import PhotoServer

PRIVATE = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::a00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:db8::1", "2001:0:a::1"),
]
PUBLIC = [
    *("93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"),
]
OTHER_SPELLINGS = [
    *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "0"),
    *("127.0.0.1.", "localhost", "localhost.", "LOCALHOST"),
]


@pytest.mark.parametrize("ip", PRIVATE)
def test_addresses_of_networks_of_ones_own_are_not_public(ip: str) -> None:
    assert not is_public(ip)
    with pytest.raises(AddressRefused, match="is not a public host"):
        NetworkGuard(resolve=lambda host, port: [ip]).resolve("shop.example", 80, 1.0)


@pytest.mark.parametrize("ip", PUBLIC)
def test_addresses_of_the_internet_are_public(ip: str) -> None:
    guard = NetworkGuard(resolve=lambda host, port: [ip])

    assert is_public(ip)
    assert guard.resolve("shop.example", 443, 1.0) == [ip]


@pytest.mark.parametrize("host", OTHER_SPELLINGS)
def test_the_system_may_read_a_host_as_this_machine_and_it_is_refused(host: str) -> None:
    with pytest.raises((AddressRefused, OSError)):  # some systems do not know some spellings
        NetworkGuard().resolve(host, 80, 5.0)


def test_a_name_is_refused_if_one_of_its_addresses_is_private() -> None:
    guard = NetworkGuard(resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(AddressRefused, match=r"its address is 10\.0\.0\.1"):
        guard.resolve("shop.example", 80, 1.0)


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 8080])
def test_other_ports_are_refused(port: int) -> None:
    with pytest.raises(AddressRefused, match=f"The port {port} of shop.example is not allowed"):
        NetworkGuard().check_address(parse_address(f"http://shop.example:{port}/"))


def test_an_allowed_host_may_be_private_at_its_port_alone() -> None:
    guard = NetworkGuard(["files.internal:8080", "[::1]"], lambda host, port: ["10.0.0.7"])

    assert guard.resolve("files.internal", 8080, 1.0) == ["10.0.0.7"]
    guard.check_address(parse_address("https://[0:0::1]/"))
    for refused in ("http://files.internal/", "http://[::1]:8080/", "http://other.internal:8080/"):
        with pytest.raises(AddressRefused):
            guard.check_address(parse_address(refused))


@pytest.mark.parametrize(
    "location",
    [
        *("http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/", "//10.0.0.1/"),
        *("http://localhost/", "http://0x7f.1/", "http://u:p@shop.example/", "file:///etc/passwd"),
        *("http://[fd00:ec2::254]/", "http://127.0.0.1:1/", "gopher://shop.example/"),
    ],
)
def test_a_redirect_to_a_refused_address_is_not_followed(
    server: PhotoServer, client: GuardedClient, location: str
) -> None:
    address = parse_address(server.redirect("/photo.jpg", location))

    with pytest.raises(FetchFailed), client.get(address, 1000):
        pass
    assert server.requests == ["/photo.jpg"]


def test_a_name_that_resolves_to_another_address_the_second_time_gains_nothing(
    make_client: Callable[..., GuardedClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a name that is public when it is resolved first, and private a moment later.
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    contacted = []

    def connect(self: Any, host: str, *rest: Any) -> None:
        contacted.append(host)
        raise httpcore2.ConnectError("refused")

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect)
    client = make_client(allowed=(), resolve=lambda host, port: answers.pop(0))
    address = parse_address("http://rebinding.example/photo.jpg")

    # When it is fetched twice, then each time it is resolved once, and what was checked is
    # contacted.
    for reason in ("cannot be reached", "not a public host"):
        with pytest.raises(FetchFailed, match=reason), client.get(address, 1000):
            pass
    assert contacted == ["93.184.215.14"]
    assert answers == []


def test_a_name_server_that_does_not_answer_holds_nobody(
    make_client: Callable[..., GuardedClient],
) -> None:
    import threading

    never = threading.Event()
    client = make_client(resolve=lambda host, port: never.wait(5) and [], time_limit_s=0.1)

    with pytest.raises(FetchFailed) as failed, client.get(parse_address("http://a.example/"), 10):
        pass
    never.set()
    assert failed.value.is_host_down
