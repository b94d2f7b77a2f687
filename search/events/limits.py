"""Limits the events of an address and of a session."""

from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction

from catalog.api.call_limits import BUCKETS, ROUNDING_S, WINDOW_S, bucket_of, charge_sql
from catalog.api.request_origin import origin_of

MAX_SPENT_S = WINDOW_S + ROUNDING_S

# The buckets of senders are charged only if the address is within its limit, so that a flood
# touches one row. Addresses have lower buckets and come first, so that two calls cannot deadlock.
SENDERS = """
    SELECT * FROM unnest(%s::int[], %s::float8[]) WHERE (SELECT spent_s FROM address) <= %s
"""
CHARGE = f"""
    WITH address AS ({charge_sql("VALUES (%s, %s)")}), sender AS ({charge_sql(SENDERS)})
    SELECT max(spent_s) FROM (SELECT * FROM address UNION ALL SELECT * FROM sender) bucket
"""


class _Exceeded(Exception):
    """A limit is exceeded. Rolls the charge back."""


def charge_events(address: str, senders: Sequence[str]) -> float:
    """Charges the events of a call to its address and to its senders. A sender is the user or the
    session of an event, or "" if the event names neither. Returns 0 if the events are within the
    limits. Otherwise charges nothing and returns the seconds after which they will be.

    The database holds the charges, so the limits apply to all web processes and machines together.
    A bucket is a keyed hash of an address or a sender. Inventing senders gains nothing, because
    each event is also charged to the address."""
    address_s = max(1, len(senders)) * WINDOW_S / settings.EVENTS_PER_ADDRESS
    costs: dict[int, float] = {}
    for sender, events in Counter(filter(None, senders)).items():
        bucket = BUCKETS + bucket_of(sender)
        costs[bucket] = costs.get(bucket, 0.0) + events * WINDOW_S / settings.EVENTS_PER_SESSION
    address_charge = [bucket_of(origin_of(address)), address_s]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                CHARGE, [*address_charge, list(costs), list(costs.values()), MAX_SPENT_S]
            )
            (spent_s,) = cursor.fetchone()
            if spent_s > MAX_SPENT_S:
                raise _Exceeded
    except _Exceeded:
        return float(spent_s) - WINDOW_S
    return 0.0
