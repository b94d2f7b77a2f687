"""The time limit of a search, and how long each of its stages takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings

from search.errors import RequestError

trace_stage: Callable[[str], AbstractContextManager[Any]] = nullcontext
"""Wraps each stage, by its name. `config/web/tracing.py` sets it."""

TOO_LONG = "The search took too long; try again in a moment."


class Overloaded(RequestError):
    """Too many searches are running and waiting, or a search took too long."""

    def __init__(self, sentence: str) -> None:
        super().__init__("unavailable", sentence, 503)


class Deadline:
    """The time at which a search ends: in `limit_s` seconds, by default SEARCH_TIME_LIMIT_S."""

    def __init__(self, limit_s: float | None = None) -> None:
        limit_s = settings.SEARCH_TIME_LIMIT_S if limit_s is None else limit_s
        self._end = time.monotonic() + limit_s

    def left(self) -> float:
        """Returns the seconds left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises Overloaded if no time is left."""
        if not self.left():
            raise Overloaded(TOO_LONG)

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Raises Overloaded if the block raises TimeoutError."""
        try:
            yield
        except TimeoutError as error:
            raise Overloaded(TOO_LONG) from error


class StageClock:
    """Measures the milliseconds of each stage. STAGES has their names in the public contract. No
    stage begins after the deadline."""

    STAGES = ("decode", "embed", "retrieve", "rank")

    def __init__(self, limit_s: float | None = None) -> None:
        self._start = time.perf_counter()
        self._ms = dict.fromkeys(self.STAGES, 0.0)
        self.deadline = Deadline(limit_s)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the block as part of a stage. Raises Overloaded if the deadline has passed."""
        self.deadline.check()
        start = time.perf_counter()
        try:
            with trace_stage(f"search {name}"):
                yield
        finally:
            self._ms[name] += 1000 * (time.perf_counter() - start)

    def timings(self) -> dict[str, float]:
        """Returns the milliseconds of each stage so far, and the `total` since the start."""
        total = 1000 * (time.perf_counter() - self._start)
        return {name: round(ms, 2) for name, ms in {**self._ms, "total": total}.items()}
