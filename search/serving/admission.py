"""How many searches a process works on at once, how many may wait for that, and for how long."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from search.request import RequestError

TOO_LONG = "The search took too long; try again in a moment."


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
            raise Overloaded(TOO_LONG)

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Raises Overloaded where the block raises TimeoutError."""
        try:
            yield
        except TimeoutError as error:
            raise Overloaded(TOO_LONG) from error


class Admission:
    """At most `at_once` go on, and as many as `queued` wait for their turn, in the order in which
    they came."""

    def __init__(self, at_once: int, queued: int) -> None:
        self._free, self._queued = at_once, queued
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def admitted(self, deadline: Deadline) -> Iterator[None]:
        """Inside the block it is the caller's turn. Raises Overloaded at once where too many wait
        already, and when the time is up."""
        self._wait(deadline)
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._free += 1

    def _wait(self, deadline: Deadline) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if len(self._waiting) >= self._queued:
                raise Overloaded("Too many people are searching; try again in a moment.")
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(deadline.left()):
            return
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Overloaded(TOO_LONG)


class Budget:
    """Things that take memory, of which all searches of a process hold at most `size` at a time."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._change = threading.Condition()

    @contextmanager
    def held(self, count: int, deadline: Deadline) -> Iterator[None]:
        """Inside the block the caller holds `count` of them, at most `size`. Raises Overloaded when
        the time is up before there is room."""
        with self._change:
            if not self._change.wait_for(lambda: self._left >= count, deadline.left()):
                raise Overloaded(TOO_LONG)
            self._left -= count
        try:
            yield
        finally:
            with self._change:
                self._left += count
                self._change.notify_all()


admission = Admission(settings.SEARCHES_AT_ONCE, settings.SEARCH_QUEUE)
