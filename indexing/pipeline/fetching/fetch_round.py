"""Fetches due photos with many threads, until nothing is due or the time is over."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager

from django.conf import settings

from catalog.imaging.decoder_process import DecoderPool
from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.network_guard import configured_guard
from indexing.embedding.decoding import DaemonThreads
from indexing.ledger.chunking import Check
from indexing.pipeline.fetching.claims import Claim, claim_due, count_due, release
from indexing.pipeline.fetching.outcomes import MAX_RETRY_AFTER_S, put_off_host, record_outcomes
from indexing.pipeline.fetching.photo_fetch import Outcome, fetch_photo

log = logging.getLogger("vitrina.indexing")

DECODERS = 2  # processes; decoding is far quicker than fetching
WAIT_S = 0.1  # between two looks for due addresses
HOST_FAILURES = 5  # in a row, after which a host counts as dead
HOST_PAUSE_S = 600.0
ABORT_WAIT_S = 2.0


def fetch_due_photos(
    check: Check, report: Callable[[int], None] = lambda done: None, time_limit_s: float = 600.0
) -> int:
    """Fetches what is due, and starts nothing more after `time_limit_s`. Returns the number of
    addresses that were tried. Calls `report` with that number so far. A host that does not answer
    is left out soon, so that nobody waits for it. Ends when `check` raises, and gives up the
    claims."""
    fetching = FetchRound()
    until = time.monotonic() + time_limit_s
    with fetching.threads():
        while True:
            check()
            if time.monotonic() < until:
                fetching.start_fetches()
            if not fetching.is_busy:
                if time.monotonic() >= until or not count_due(fetching.dead_hosts):
                    return fetching.done
                time.sleep(WAIT_S)  # the hosts of the due addresses have no room at present
                continue
            fetching.record_finished()
            report(fetching.done)


class FetchRound:
    """The fetches that are under way in this process. One thread calls its methods."""

    def __init__(self) -> None:
        self.done = 0
        self.dead_hosts: set[str] = set()
        self._failures: Counter[str] = Counter()  # in a row, by host
        self._running: dict[Future[Outcome], Claim] = {}

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Runs the threads, the connections and the decoders within the context. If it ends with
        an exception, aborts the fetches and gives up their claims."""
        at_once = settings.IMPORT_FETCHES_AT_ONCE
        self._threads = DaemonThreads(at_once, "fetch")
        self._decoders = DecoderPool(min(DECODERS, at_once))
        self._client = GuardedClient(
            configured_guard(), settings.IMPORT_FETCH_TIME_LIMIT_S, at_once
        )
        try:
            yield
        except BaseException:
            self._threads.close()
            self._client.abort()
            wait(self._running, ABORT_WAIT_S)  # no other process may fetch the same meanwhile
            release(list(self._running.values()))
            raise
        finally:
            self._threads.close()
            self._client.close()
            self._decoders.close()

    def start_fetches(self) -> None:
        """Claims an address for each thread that is free."""
        free = settings.IMPORT_FETCHES_AT_ONCE - len(self._running)
        for claim in claim_due(free, self.dead_hosts) if free else ():
            future = self._threads.submit(fetch_photo, claim, self._client, self._decoders)
            self._running[future] = claim

    def record_finished(self) -> None:
        """Waits a moment for fetches that finish, and records them. Raises OSError if a photo
        could not be stored."""
        finished, _ = wait(self._running, WAIT_S, FIRST_COMPLETED)
        outcomes = [(self._running[future], future.result()) for future in finished]
        if not outcomes:
            return
        record_outcomes(outcomes)
        for future in finished:
            del self._running[future]
        self.done += len(outcomes)
        for claim, outcome in outcomes:
            self._watch_host(claim.host, outcome)

    def _watch_host(self, host: str, outcome: Outcome) -> None:
        """Leaves out a host that has failed several times in a row, or wants to be left alone."""
        is_down = isinstance(outcome, FetchFailed) and outcome.is_host_down
        self._failures[host] = self._failures[host] + 1 if is_down else 0
        asked = outcome.retry_after_s if isinstance(outcome, FetchFailed) else None
        if host not in self.dead_hosts and (asked or self._failures[host] >= HOST_FAILURES):
            self.dead_hosts.add(host)
            log.warning("photos of %s are put off: %s", host, outcome)
            put_off_host(host, min(asked or HOST_PAUSE_S, MAX_RETRY_AFTER_S))
