"""Logs shoppers' searches. A thread writes the log, so a full queue or a database that is down
loses entries but never fails a search."""

import atexit
import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from prometheus_client import Counter

from catalog.api.request_origin import origin_of
from catalog.models import LoggedSearch, QuerySample
from search.answer import SearchAnswer
from search.events.query_sample import keep_samples, sample_query
from search.photo_search import search
from search.request import Filters, SearchRequest
from search.serving.deadline import Overloaded

log = logging.getLogger("vitrina.search")

MATCHES = ("exact", "similar", "weak")  # the best first
MAX_BATCH = 200  # entries of one statement

ADD_REFUSED = """
    INSERT INTO catalog_refusedsearches AS counted (minute, number) VALUES (%s, %s)
    ON CONFLICT (minute) DO UPDATE SET number = counted.number + excluded.number
"""

DROPPED = Counter("vitrina_search_log_dropped", "Searches of this process that were not logged.")


class Entry(NamedTuple):
    """A search, its first photo or no bytes, the IP address of the shopper, and its vector for the
    sample of queries, if it belongs there."""

    search: LoggedSearch
    photo: bytes
    address: str
    sampled: QuerySample | None


class SearchLog:
    """Queues at most `max_queued` entries in memory. A thread writes them every `write_interval_s`
    seconds, up to MAX_BATCH in one statement. The photos in the queue take at most
    `max_queued_bytes`; entries beyond that are logged without their photo."""

    def __init__(
        self,
        max_queued: int = 2_000,
        max_queued_bytes: int = 64 * 1024 * 1024,
        write_interval_s: float = 1.0,
    ) -> None:
        self._max_queued, self._max_queued_bytes = max_queued, max_queued_bytes
        self._write_interval_s = write_interval_s
        self._waiting: deque[Entry] = deque()
        self._bytes = self._refused = 0
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, request: SearchRequest, answer: SearchAnswer, address: str) -> None:
        """Queues a search by a shopper at this address, with its first photo if
        SEARCH_LOG_PHOTO_DAYS is not 0."""
        if not settings.SEARCH_LOG_DAYS:
            return
        keep = request.images and settings.SEARCH_LOG_PHOTO_DAYS
        search, photo = _log_row(request, answer), request.images[0] if keep else b""
        with self._queue_lock:
            if len(self._waiting) >= self._max_queued:
                DROPPED.inc()
            else:
                if self._bytes + len(photo) > self._max_queued_bytes:
                    photo = b""
                self._bytes += len(photo)
                sampled = sample_query(answer) if request.offset == 0 else None
                self._waiting.append(Entry(search, photo, address, sampled))
            self._start()

    def add_refused(self) -> None:
        """Counts a search that was refused because too many came at once."""
        if settings.SEARCH_LOG_DAYS:
            with self._queue_lock:
                self._refused += 1
                self._start()

    def flush(self) -> None:
        """Writes all queued entries in the calling thread. Waits for entries that another thread is
        writing."""
        with self._write_lock:
            self._write_refused()
            while entries := self._take_batch():
                self._write(entries)

    def _write_refused(self) -> None:
        with self._queue_lock:
            number, self._refused = self._refused, 0
        if not number:
            return
        minute = timezone.now().replace(second=0, microsecond=0)
        try:
            with connection.cursor() as cursor:
                cursor.execute(ADD_REFUSED, [minute, number])
        except Error as error:
            log.warning("%s refused searches are not counted: %s", number, error)

    def _take_batch(self) -> list[Entry]:
        with self._queue_lock:
            count = min(len(self._waiting), MAX_BATCH)
            entries = [self._waiting.popleft() for _ in range(count)]
            self._bytes -= sum(len(entry.photo) for entry in entries)
        return entries

    def _start(self) -> None:
        """Starts the thread if this process has none: a fork does not copy threads."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="search-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self._write_interval_s)
            self.flush()
            connection.close()

    def _write(self, entries: list[Entry]) -> None:
        try:
            for entry in entries:
                entry.search.origin = origin_of(entry.address)
                if entry.sampled is not None:
                    entry.sampled.origin = entry.search.origin
            LoggedSearch.objects.bulk_create([e.search for e in entries], ignore_conflicts=True)
            keep_samples([e.sampled for e in entries if e.sampled is not None])
        except Error as error:
            DROPPED.inc(len(entries))
            log.warning("%s searches are not logged: %s", len(entries), error)
            return
        try:
            for entry in entries:
                if entry.photo:
                    path = photo_path(entry.search.query_id)
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.write_bytes(entry.photo)
        except OSError as error:
            log.warning("photos of searches are not kept: %s", error)


def logged_search(request: SearchRequest, address: str) -> SearchAnswer:
    """Searches and logs the search. `address` is the IP address of the shopper. Raises the same
    errors as `search`."""
    try:
        answer = search(request)
    except Overloaded:
        search_log.add_refused()
        raise
    search_log.add(request, answer, address)
    return answer


search_log = SearchLog()
atexit.register(search_log.flush)


def photo_path(query_id: str) -> Path:
    """Returns the path of the photo of a logged search, whether or not the photo was kept."""
    return settings.SEARCH_LOG_PHOTOS / query_id


def _log_row(request: SearchRequest, answer: SearchAnswer) -> LoggedSearch:
    return LoggedSearch(
        query_id=answer.query_id,
        kind=answer.kind,
        generation_id=answer.generation.pk,
        timings_ms=answer.timings_ms,
        filtered=request.filters != Filters(),
        sort=request.sort,
        offset=request.offset,
        products=[result.product.pk for result in answer.results],
        best_match=next((m for m in MATCHES if any(r.match == m for r in answer.results)), ""),
        words=request.text[:200] if settings.SEARCH_LOG_WORDS_DAYS else "",
        features=[
            {name: round(value, 4) for name, value in result.features.items()}
            for result in answer.results
        ],
    )
