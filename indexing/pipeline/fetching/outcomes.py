"""Records what came of claims: photos reach their products, and failures are tried again with
growing pauses."""

import random
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from catalog.importing.fetching.guarded_client import FetchFailed
from catalog.importing.photos.named_addresses import lock_addresses, remove_unnamed_addresses
from catalog.importing.writing.fetched_photos import supply_photos
from catalog.models import ImageAddress
from indexing.pipeline.fetching.claims import Claim
from indexing.pipeline.fetching.photo_fetch import Fetched, Outcome

PAUSES_S = (60, 600, 3600, 6 * 3600, 86_400)  # after the first failure, the second, …
JITTER = 0.2  # a pause is up to this share shorter or longer
MAX_RETRY_AFTER_S = 86_400.0
State = ImageAddress.State


def record_outcomes(outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
    """Records outcomes in one transaction. New photos become those of the products and variants
    that name the address. An outcome counts only if this process still holds the claim."""
    with transaction.atomic():
        lock_addresses(shared=False)
        rows = ImageAddress.objects.select_for_update().in_bulk(
            [claim.address_id for claim, _ in outcomes]
        )
        held = [
            (rows[claim.address_id], outcome)
            for claim, outcome in outcomes
            if claim.address_id in rows and rows[claim.address_id].claimed_at == claim.claimed_at
        ]
        for address, outcome in held:
            _apply(address, outcome)
        ImageAddress.objects.bulk_update(
            [address for address, _ in held],
            [
                *("state", "error", "attempts", "next_at", "claimed_until", "fetched_at"),
                *("etag", "last_modified", "content_hash", "file"),
            ],
        )
        supply_photos([row.pk for row, outcome in held if isinstance(outcome, Fetched)])


def put_off_host(host: str, seconds: float) -> None:
    """Puts the due addresses of a host off, because it does not answer."""
    due = ImageAddress.objects.due().filter(host=host)
    due.filter(state=State.WAITING).update(state=State.FAILED)
    due.update(
        next_at=timezone.now() + timedelta(seconds=_with_jitter(seconds)),
        error="The host does not answer. Its photos are tried again later.",
    )


def request_failed() -> int:
    """Makes the addresses due that have failed or been given up. Returns their number."""
    return ImageAddress.objects.filter(state__in=[State.FAILED, State.GIVEN_UP]).request_again()


def tidy_addresses() -> int:
    """Removes the addresses that no product has any more. Returns their number."""
    with transaction.atomic():
        lock_addresses(shared=False)
        return remove_unnamed_addresses()


def pause_after(attempts: int) -> float:
    """Returns the seconds to wait after this number of failed attempts in a row."""
    return _with_jitter(PAUSES_S[min(attempts, len(PAUSES_S)) - 1])


def _with_jitter(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)


def _apply(address: ImageAddress, outcome: Outcome) -> None:
    """Changes the row of an address as the outcome says."""
    now = timezone.now()
    address.claimed_until = None
    if isinstance(outcome, FetchFailed):
        address.attempts += 1
        address.error = str(outcome)[:1000]
        address.state = State.GIVEN_UP if outcome.is_final else State.FAILED
        wanted = min(outcome.retry_after_s or 0.0, MAX_RETRY_AFTER_S)
        pause = timedelta(seconds=max(pause_after(address.attempts), wanted))
        address.next_at = None if outcome.is_final else now + pause
        return
    address.state, address.error, address.attempts = State.FETCHED, "", 0
    address.next_at, address.fetched_at = None, now
    address.etag, address.last_modified = outcome.etag, outcome.last_modified
    if isinstance(outcome, Fetched):
        address.file, address.content_hash = outcome.file, outcome.content_hash
