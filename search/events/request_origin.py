"""Where a search or an event comes from, as it is stored: a pseudonym that lasts a day."""

import hmac
import secrets
from datetime import date
from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.utils import timezone

from catalog.models import OriginKey

DIGITS = 16  # of 4 bits: among a million addresses a day no two are likely to share an origin
IPV6_PREFIX = 56  # what one household or one rented machine is given at most, as a rule


def origin_of(address: str) -> str:
    """The origin of an address today, 16 hex digits; of anything that is no address "".

    It is a keyed hash (HMAC-SHA-256). All addresses of an IPv6 /56 have one origin, since one
    sender may use them all. Reads the day's key from the database once a process and day."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    wrapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 6 and wrapped is None:
        parsed = ip_network((parsed.packed, IPV6_PREFIX), strict=False).network_address
    return keyed_hash((wrapped or parsed).packed)[:DIGITS]


def keyed_hash(value: bytes) -> str:
    """HMAC-SHA-256 with the key of today, in hex."""
    return hmac.digest(_key(timezone.now().date()), value, "sha256").hex()


@lru_cache(maxsize=1)
def _key(day: date) -> bytes:
    """The key of the day, made by whoever is first to ask; the keys of earlier days are deleted."""
    OriginKey.objects.bulk_create(
        [OriginKey(day=day, key=secrets.token_bytes(32))], ignore_conflicts=True
    )
    OriginKey.objects.filter(day__lt=day).delete()
    return bytes(OriginKey.objects.get(day=day).key)
