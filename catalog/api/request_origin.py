"""The origin of a search or an event: a pseudonym of its address that lasts a day."""

import hmac
import secrets
from datetime import date
from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.utils import timezone

from catalog.models import OriginKey

ORIGIN_DIGITS = 16  # 64 bits: a million addresses a day are unlikely to share an origin
IPV6_PREFIX = 56  # bits; a household or a rented machine rarely gets a larger network


def origin_of(address: str) -> str:
    """Returns today's origin of an IP address, 16 hex digits, or "" if `address` is not an IP
    address.

    The origin is a keyed hash (HMAC-SHA-256) of `network_of`. Each process reads the key once a
    day."""
    network = network_of(address)
    return keyed_hash(network)[:ORIGIN_DIGITS] if network else ""


def origin_of_shopper(name: str) -> str:
    """Returns today's origin of a shopper whose address is not known, 16 hex digits."""
    return keyed_hash(f"shopper {name}".encode())[:ORIGIN_DIGITS]


def network_of(address: str) -> bytes:
    """Returns the bytes of an IP address, or b"" if `address` is not one. All addresses of an IPv6
    /56 network have the same, because one sender may use them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return b""
    wrapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 6 and wrapped is None:
        parsed = ip_network((parsed.packed, IPV6_PREFIX), strict=False).network_address
    return (wrapped or parsed).packed


def keyed_hash(value: bytes) -> str:
    """Returns the HMAC-SHA-256 of `value` with today's key, in hex."""
    return hmac.digest(_key(timezone.now().date()), value, "sha256").hex()


@lru_cache(maxsize=1)
def _key(day: date) -> bytes:
    """Returns the key of the day. The first caller of the day creates it and deletes earlier
    keys."""
    OriginKey.objects.bulk_create(
        [OriginKey(day=day, key=secrets.token_bytes(32))], ignore_conflicts=True
    )
    OriginKey.objects.filter(day__lt=day).delete()
    return bytes(OriginKey.objects.get(day=day).key)
