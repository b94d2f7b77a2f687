"""Limits how many calls an address or a key may make, in all processes and machines together."""

from enum import IntEnum
from typing import NamedTuple

from django.db import connection

from catalog.api.request_origin import keyed_hash, origin_of

WINDOW_S = 60.0  # the settings limit the calls of a minute, which may arrive all at once
BUCKETS = 65_536  # of each kind of sender

ROUNDING_S = 1e-3


def charge_sql(charges: str, condition: str = "true") -> str:
    """Returns SQL that charges buckets the time that their calls take at the allowed rate, and
    returns `spent_s` of each. `charges` selects (bucket, seconds). A bucket that has a row,
    `stored`, is charged if `condition` holds. Rows are locked in the order of their buckets."""
    return f"""
        INSERT INTO catalog_eventallowance AS stored (bucket, spent_until)
        SELECT bucket, now() + make_interval(secs => seconds)
        FROM ({charges}) AS charge (bucket, seconds) ORDER BY bucket
        ON CONFLICT (bucket) DO UPDATE SET spent_until
            = greatest(stored.spent_until, now()) + (excluded.spent_until - now())
        WHERE {condition}
        RETURNING extract(epoch FROM spent_until - now()) AS spent_s
    """


CHARGE = f"""
    WITH charged AS ({
    charge_sql(
        "VALUES (%(bucket)s, %(cost)s)",
        "greatest(stored.spent_until, now()) <= now() + make_interval(secs => %(most)s)",
    )
})
    SELECT true, spent_s FROM charged
    UNION ALL
    SELECT false, extract(epoch FROM spent_until - now()) FROM catalog_eventallowance
    WHERE bucket = %(bucket)s AND NOT EXISTS (SELECT FROM charged)
"""


class Sender(IntEnum):
    """The kinds of buckets, besides those of `search/events/limits.py`, which has 0 and 1."""

    ADDRESS = 2
    SUGGESTED_ADDRESS = 3
    KEY = 4  # the last: each key has a bucket of its own


class Allowance(NamedTuple):
    """What is left of a limit after a call. `limit` and `remaining` are calls. `reset_s` is when
    the full limit is available again. `wait_s` is 0, or when the refused call may be repeated."""

    limit: int
    remaining: int
    reset_s: float
    wait_s: float


def charge_address(address: str, limit: int, sender: Sender = Sender.ADDRESS) -> Allowance:
    """Charges a call to an IP address that may make `limit` calls a minute."""
    return _charge(sender * BUCKETS + bucket_of(origin_of(address)), limit)


def charge_key(key_id: int, limit: int) -> Allowance:
    """Charges a call to a key that may make `limit` calls a minute."""
    return _charge(Sender.KEY * BUCKETS + key_id, limit)


def bucket_of(name: str) -> int:
    """Returns the bucket of a name, from 0 to BUCKETS − 1, by a keyed hash of the day."""
    return int(keyed_hash(name.encode()), 16) % BUCKETS


def _charge(bucket: int, limit: int) -> Allowance:
    cost = WINDOW_S / limit
    most = WINDOW_S - cost + ROUNDING_S
    values = {"bucket": bucket, "cost": cost, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(CHARGE, values)
        row = cursor.fetchone()
    granted, spent_s = row or (False, most)
    # The statement reads what a bucket was before another process used up the limit meanwhile.
    spent_s = max(0.0 if granted else most, float(spent_s))
    remaining = min(limit - 1, max(0, int((WINDOW_S - spent_s + ROUNDING_S) / cost)))
    return Allowance(limit, remaining, spent_s, 0.0 if granted else spent_s + cost - WINDOW_S)
