"""Limits how many searches of a process run, how many wait, and how many photos they hold."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from search.serving.deadline import TOO_LONG, Deadline, Overloaded


class Admission:
    """Lets at most `max_running` callers run at the same time. Up to `max_waiting` others wait for
    their turn, first come, first served."""

    def __init__(self, max_running: int, max_waiting: int) -> None:
        self._free, self._max_waiting = max_running, max_waiting
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def admitted(self, deadline: Deadline) -> Iterator[None]:
        """Waits for the caller's turn and runs the block. Raises Overloaded at once if too many
        callers are waiting already, or when the time is up."""
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
            if len(self._waiting) >= self._max_waiting:
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
    """Limits the decoded photos that all searches of a process hold at the same time to `size`."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._change = threading.Condition()

    @contextmanager
    def held(self, count: int, deadline: Deadline) -> Iterator[None]:
        """Waits until `count` photos, at most `size`, fit into the budget. Then runs the block, and
        counts the photos until it ends. Raises Overloaded when the time is up."""
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
