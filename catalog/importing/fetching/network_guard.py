"""Decides which hosts may be contacted, and connects to nothing else.

A name is resolved once for each connection. If all of its IP addresses are public, the connection
goes to one of these, not to the name. So it makes no difference how an address is written, where a
redirect leads, or whether the name resolves to another address a moment later."""

import socket
import threading
from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.importing.fetching.web_address import WebAddress

Resolve = Callable[[str, int], Collection[str]]
"""Returns the IP addresses of a host name. Raises OSError."""

MAX_RESOLVING_S = 10.0
PUBLIC_PORTS = (80, 443)
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
# Versions of Python differ in what they call global among these.
_NOT_PUBLIC: list[IPv4Network | IPv6Network] = [
    IPv4Network("192.0.0.0/24"),  # protocol assignments; metadata of Oracle's cloud
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # metadata of Azure
    IPv6Network("2001::/23"),  # protocol assignments, with Teredo
    IPv6Network("3fff::/20"),  # documentation
]


class AddressRefused(Exception):
    """The host may not be contacted. The message is a sentence."""


class NetworkGuard:
    """Checks hosts and ports. `allowed` names hosts that may be contacted wherever they are:
    `host` at the ports 80 and 443, `host:port` at this port alone."""

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve | None = None) -> None:
        self._allowed = {pair for name in allowed for pair in _read_allowed(name)}
        self._resolve = resolve or resolve_host

    def check_address(self, address: WebAddress) -> None:
        """Raises AddressRefused if the address is refused whatever its host resolves to."""
        self.check_host(address.host, address.port)
        if address.ip is not None:
            self._check_ips(address.host, address.port, [str(address.ip)])

    def check_host(self, host: str, port: int) -> None:
        """Raises AddressRefused for a port, or a name of this machine, that is not allowed."""
        if (host, port) in self._allowed:
            return
        if port not in PUBLIC_PORTS:
            raise AddressRefused(
                _("The port %(port)s of %(host)s is not allowed.") % {"port": port, "host": host}
            )
        if host.split(".")[-1] in _LOCAL_NAMES:
            raise AddressRefused(_("%(host)s is not a public host.") % {"host": host})

    def resolve(self, host: str, port: int, timeout_s: float) -> list[str]:
        """Returns the IP addresses to connect to for a host. Raises AddressRefused if one of them
        is not public, unless the host is allowed. Raises OSError if it does not resolve."""
        self.check_host(host, port)
        found = list(_call_with_timeout(lambda: self._resolve(host, port), timeout_s))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        self._check_ips(host, port, found)
        return found

    def _check_ips(self, host: str, port: int, ips: Iterable[str]) -> None:
        if (host, port) in self._allowed:
            return
        for ip in ips:
            if not is_public(ip):
                raise AddressRefused(
                    _("%(host)s is not a public host: its address is %(ip)s.")
                    % {"host": host, "ip": ip}
                )


def configured_guard() -> NetworkGuard:
    """Returns the guard that the settings describe."""
    return NetworkGuard(settings.IMPORT_ALLOWED_HOSTS)


def is_public(text: str) -> bool:
    """Returns whether an IP address is a public unicast address. An IPv6 address that contains an
    IPv4 address is public if that one is."""
    if "%" in text:  # an IPv6 zone
        return False
    ip = ip_address(text)
    is_unusual = ip.is_multicast or any(ip in network for network in _NOT_PUBLIC)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_reserved and not is_unusual
    if ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    if ip in _NAT64:
        return is_public(str(IPv4Address(int(ip) & 0xFFFF_FFFF)))
    if ip.sixtofour is not None and not is_public(str(ip.sixtofour)):
        return False
    return ip in _GLOBAL_UNICAST and ip.is_global and not is_unusual


def resolve_host(host: str, port: int) -> list[str]:
    """Returns the IP addresses that the system finds for a host, the preferred ones first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _read_allowed(name: str) -> list[tuple[str, int]]:
    host, separator, port = name.lower().rpartition(":")
    if separator and port.isdecimal() and (":" not in host or host.endswith("]")):
        return [(_plain(host), int(port))]
    return [(_plain(name.lower()), port) for port in PUBLIC_PORTS]


def _plain(host: str) -> str:
    """Returns a host without brackets; an IPv6 address in its usual spelling."""
    return str(IPv6Address(host[1:-1])) if host.startswith("[") else host


def _call_with_timeout(resolve: Callable[[], Collection[str]], timeout_s: float) -> Collection[str]:
    """Calls a function that cannot be interrupted, in a thread. Raises TimeoutError when the time
    is over; the thread then ends by itself."""
    answers: list[Collection[str]] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(resolve())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="resolve", daemon=True)
    thread.start()
    thread.join(max(0.001, min(timeout_s, MAX_RESOLVING_S)))
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("The host name was not resolved in time.")
    return answers[0]
