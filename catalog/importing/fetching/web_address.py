"""Parses web addresses that shops and suppliers write."""

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import idna
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from catalog.models.image_address import MAX_ADDRESS_LENGTH

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE = "/?%:@!$&'()*+,;=~-._[]|"  # stay as they are; other characters are percent-encoded


class AddressError(ValueError):
    """The text is no address that may be fetched. The message says why, as the end of a
    sentence."""


@dataclass(frozen=True)
class WebAddress:
    """An http or https address. `host` is in lower case and ASCII: a name without a trailing dot,
    or an IP address in its usual spelling, without brackets. `target` is the path with the query,
    percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @cached_property
    def authority(self) -> str:
        """Host and port as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @cached_property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The IP address that the host is written as; None for a name."""
        return IPv6Address(self.host) if ":" in self.host else _read_ipv4(self.host)

    def join(self, location: str) -> "WebAddress":
        """Returns the address that a redirect from here to `location` leads to. Raises
        AddressError."""
        return parse_address(urljoin(str(self), location))


def is_address(text: str) -> bool:
    """Returns whether the text is meant to be an address rather than a path."""
    return "://" in text[:16]


def parse_address(text: str) -> WebAddress:
    """Returns the address, normalised: equal addresses have equal texts. Its fragment is dropped,
    because servers do not get it. Raises AddressError, also for user names, and for IP addresses
    in unusual spellings (`http://2130706433/`)."""
    text = text.strip()
    if any(not character.isprintable() for character in text) or "\\" in text:
        raise AddressError(_("it contains a control character or a backslash"))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AddressError(_("it is not a valid address (%(error)s)") % {"error": error}) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise AddressError(_("it must start with http:// or https://"))
    if "@" in parts.netloc:
        raise AddressError(_("it must not contain a user name or a password"))
    if port == 0:
        raise AddressError(_("port 0 does not exist"))
    host = _read_host(parts.hostname or "", is_bracketed="[" in parts.netloc)
    target = _encode(parts.path or "/") + (f"?{_encode(parts.query)}" if parts.query else "")
    address = WebAddress(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], target)
    if len(str(address)) > MAX_ADDRESS_LENGTH:
        most = number_format(MAX_ADDRESS_LENGTH, force_grouping=True)
        raise AddressError(_("it has more than %(number)s characters") % {"number": most})
    return address


def _encode(text: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=_SAFE)


def _read_host(host: str, is_bracketed: bool) -> str:
    if not host:
        raise AddressError(_("it has no host"))
    if "%" in host:
        raise AddressError(_("its host contains a percent sign or the zone of an IPv6 address"))
    if is_bracketed:
        try:
            return str(IPv6Address(host))
        except AddressValueError as error:
            raise AddressError(_("it has no IPv6 address between the brackets")) from error
    host = _to_ascii(host).removesuffix(".")
    labels = host.split(".")
    if len(host) > MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError(_("%(host)r is not a host name") % {"host": host[:100]})
    if _NUMBER.fullmatch(labels[-1]) and _read_ipv4(host) is None:
        raise AddressError(
            _("%(host)r is not an IPv4 address of four decimal numbers") % {"host": host}
        )
    return host


def _to_ascii(host: str) -> str:
    """Returns an internationalised host name in the ASCII form of IDNA 2008 (RFC 5891)."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise AddressError(_("%(host)r is not a host name") % {"host": host[:100]}) from error


def _read_ipv4(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None
