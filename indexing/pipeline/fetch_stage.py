"""The stage that fetches photos by address. It is a run of its own, and the beginning of refreshes
and rebuilds."""

from collections.abc import Iterator
from functools import partial

from django.conf import settings

from indexing.ledger import runs
from indexing.ledger.chunk_leases import record_progress
from indexing.ledger.chunking import Check, Payload, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.fetching.claims import count_due
from indexing.pipeline.fetching.fetch_round import fetch_due_photos
from indexing.pipeline.fetching.outcomes import tidy_addresses

KEPT_RUNS = 50  # finished fetches that stay in the ledger


def start_fetch() -> IndexingRun:
    """Starts a fetch, or returns the unfinished one. Removes old fetches from the ledger: there may
    be one each minute."""
    fetches = IndexingRun.objects.filter(kind=IndexingRun.Kind.FETCH)
    finished = fetches.exclude(state__in=IndexingRun.UNFINISHED).order_by("-pk")
    old = finished.values_list("pk", flat=True)[KEPT_RUNS:]
    fetches.filter(pk__in=list(old)).delete()
    return runs.start_run(IndexingRun.Kind.FETCH)


def plan_fetch(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk for all due addresses. Whoever performs it claims them one by one."""
    if count_due():
        tidy_addresses()
        yield from single_chunk(count_due())


def perform_fetch(chunk: Chunk, check: Check) -> None:
    """Fetches what is due, for IMPORT_FETCH_RUN_S at most. The next run fetches the rest."""
    fetch_due_photos(check, partial(record_progress, chunk), settings.IMPORT_FETCH_RUN_S)
