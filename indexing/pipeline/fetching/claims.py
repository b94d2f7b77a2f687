"""Claims of addresses: a fetcher claims due addresses for a while, so that no other one fetches
them meanwhile. The limits of each host hold for all fetchers on all machines together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import ImageAddress

CLAIMS_LOCK = 0x5649_4643  # advisory: one fetcher at a time counts and claims
CLAIM_SLACK_S = 60.0  # for checking and storing a photo after it was fetched

CLAIM = """
    WITH RECURSIVE due AS NOT MATERIALIZED (
        SELECT id, host, next_at FROM catalog_imageaddress
        WHERE next_at <= %(now)s AND (claimed_until IS NULL OR claimed_until < %(now)s)
    ), hosts AS (
        (SELECT host FROM due ORDER BY host LIMIT 1)
        UNION ALL
        SELECT (SELECT due.host FROM due WHERE due.host > hosts.host ORDER BY due.host LIMIT 1)
        FROM hosts WHERE hosts.host IS NOT NULL
    ), room AS (
        SELECT host, least(
            %(per_host)s - (SELECT count(*) FROM catalog_imageaddress held
                            WHERE held.host = hosts.host AND held.claimed_until >= %(now)s),
            %(per_second)s - (SELECT count(*) FROM catalog_imageaddress recent
                              WHERE recent.host = hosts.host
                                  AND recent.claimed_at > %(now)s - interval '1 second')
        ) AS places
        FROM hosts WHERE host IS NOT NULL AND NOT host = ANY(%(left_out)s)
    ), chosen AS (
        SELECT next.id FROM room CROSS JOIN LATERAL (
            SELECT due.id, row_number() OVER (ORDER BY due.next_at) AS place
            FROM due WHERE due.host = room.host ORDER BY due.next_at
            LIMIT greatest(0, room.places)
        ) AS next
        ORDER BY next.place, random() LIMIT %(places)s
    )
    UPDATE catalog_imageaddress address
    SET claimed_at = %(now)s, claimed_until = %(until)s
    FROM chosen WHERE chosen.id = address.id
    RETURNING address.id, address.address, address.host, address.etag, address.last_modified,
        address.content_hash, address.file, address.claimed_at
"""
"""Claims due addresses, those that have waited longest first, and of each host in turn. The
recursive part finds the hosts by skipping through an index."""


@dataclass(frozen=True)
class Claim:
    """An address that this process may fetch, and what is known of its photo. No other claim has
    the same `address_id` and `claimed_at`."""

    address_id: int
    address: str
    host: str
    etag: str
    last_modified: str
    content_hash: str
    file: str
    claimed_at: datetime


def claim_due(places: int, left_out: Collection[str] = ()) -> list[Claim]:
    """Claims up to `places` due addresses, fewer if hosts have no room. Leaves these hosts out."""
    now = timezone.now()
    lease = timedelta(seconds=settings.IMPORT_FETCH_TIME_LIMIT_S + CLAIM_SLACK_S)
    parameters: dict[str, Any] = {
        "now": now,
        "until": now + lease,
        "places": places,
        "per_host": settings.IMPORT_FETCHES_PER_HOST,
        "per_second": settings.IMPORT_FETCHES_PER_SECOND,
        "left_out": list(left_out),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIMS_LOCK])
        cursor.execute(CLAIM, parameters)
        return [Claim(*row) for row in cursor.fetchall()]


def release(claims: Sequence[Claim]) -> None:
    """Gives claims up. Other fetchers may take them at once."""
    claimed = {claim.claimed_at for claim in claims}
    ImageAddress.objects.filter(
        pk__in=[claim.address_id for claim in claims], claimed_at__in=claimed
    ).update(claimed_until=None)


def count_due(left_out: Collection[str] = ()) -> int:
    """Returns the number of addresses that are due and not claimed."""
    return ImageAddress.objects.due().exclude(host__in=left_out).count()
