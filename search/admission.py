"""How many searches a process works on at once, how many may wait for that, and for how long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from search.request import RequestError


class Overloaded(RequestError):
    """More searches than the process takes on, or one that took too long."""

    def __init__(self, sentence: str) -> None:
        super().__init__("unavailable", sentence, 503)


class Deadline:
    """When a search is to be given up, SEARCH_TIME_LIMIT_S after it came."""

    def __init__(self) -> None:
        self._end = time.monotonic() + settings.SEARCH_TIME_LIMIT_S

    def left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises Overloaded where no time is left."""
        if not self.left():
            raise Overloaded("The search took too long; try again in a moment.")


class Admission:
    """At most `at_once` go on, and as many as `queued` wait for their turn."""

    def __init__(self, at_once: int, queued: int) -> None:
        self._most = at_once + queued
        self._inside = 0
        self._counting = threading.Lock()
        self._turns = threading.Semaphore(at_once)

    @contextmanager
    def admitted(self, deadline: Deadline) -> Iterator[None]:
        """Inside the block it is the caller's turn. Raises Overloaded at once where too many wait
        already, and when the time is up."""
        with self._counting:
            if self._inside >= self._most:
                raise Overloaded("Too many people are searching; try again in a moment.")
            self._inside += 1
        try:
            if not self._turns.acquire(timeout=deadline.left()):
                deadline.check()
            try:
                yield
            finally:
                self._turns.release()
        finally:
            with self._counting:
                self._inside -= 1


admission = Admission(settings.SEARCHES_AT_ONCE, settings.SEARCH_QUEUE)
