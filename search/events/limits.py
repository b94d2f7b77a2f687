"""How many events an address and a session may send."""

from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction

from search.events.request_origin import keyed_hash, origin_of

WINDOW_S = 60.0  # the settings are events a minute, which may come at once
ROUNDING_S = 1e-3
BUCKETS = 65_536  # of addresses, and as many of sessions

# Each bucket is charged the time that its events take at its rate; those of senders only if the
# address may send so many, so that a flood costs one row. Rows are locked in the order of their
# keys, addresses first, so that two calls never wait for each other.
CHARGE = """
    WITH address AS (
        INSERT INTO catalog_eventallowance AS known (bucket, spent_until)
        VALUES (%s, now() + make_interval(secs => %s))
        ON CONFLICT (bucket) DO UPDATE SET spent_until
            = greatest(known.spent_until, now()) + (excluded.spent_until - now())
        RETURNING extract(epoch FROM spent_until - now()) AS spent_s
    ), sender AS (
        INSERT INTO catalog_eventallowance AS known (bucket, spent_until)
        SELECT bucket, now() + make_interval(secs => cost)
        FROM unnest(%s::int[], %s::float8[]) AS asked (bucket, cost)
        WHERE (SELECT spent_s FROM address) <= %s ORDER BY bucket
        ON CONFLICT (bucket) DO UPDATE SET spent_until
            = greatest(known.spent_until, now()) + (excluded.spent_until - now())
        RETURNING extract(epoch FROM spent_until - now()) AS spent_s
    )
    SELECT max(spent_s) FROM (SELECT * FROM address UNION ALL SELECT * FROM sender) bucket
"""
MOST_S = WINDOW_S + ROUNDING_S


class _Exceeded(Exception):
    """Undoes a charge."""


def charge_events(address: str, senders: Sequence[str]) -> float:
    """Charges one event to the address for each of `senders`, the sessions or users of a call's
    events, and one to each sender that is not empty. Gives 0, or the seconds after which so many
    are allowed; then nothing is charged.

    It is one statement in the database, so that all web processes and machines count together. A
    bucket is a keyed hash of a name. New names for each call do not help, as every event counts
    for the address as well."""
    address_s = max(1, len(senders)) * WINDOW_S / settings.EVENTS_PER_ADDRESS
    costs: dict[int, float] = {}
    for sender, events in Counter(filter(None, senders)).items():
        bucket = BUCKETS + _bucket(sender)
        costs[bucket] = costs.get(bucket, 0.0) + events * WINDOW_S / settings.EVENTS_PER_SESSION
    of_address = [_bucket(origin_of(address)), address_s]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(CHARGE, [*of_address, list(costs), list(costs.values()), MOST_S])
            (spent_s,) = cursor.fetchone()
            if spent_s > MOST_S:
                raise _Exceeded
    except _Exceeded:
        return float(spent_s) - WINDOW_S
    return 0.0


def _bucket(name: str) -> int:
    return int(keyed_hash(name.encode()), 16) % BUCKETS
