"""Work that several callers ask for at the same time, done once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class _Computation(Generic[Value]):
    """One computation under way or done. It holds no exception: an exception holds the frames that
    raised it, and with them the pictures they worked on."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.values: list[Value] = []  # one; none where it failed


class SingleFlightCache(Generic[Value]):
    """A cache of the last `kept` results. Concurrent callers with the same key share one
    computation; where it fails, each of them computes the value itself."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._computations: OrderedDict[Hashable, _Computation[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Value], wait_s: float) -> Value:
        """The value of `compute`, or of an earlier call with this key. Raises what `compute`
        raises, and TimeoutError where another caller computes for more than `wait_s` seconds."""
        with self._lock:
            known = self._computations.get(key)
            if known is None:
                mine = self._computations[key] = _Computation[Value]()
                while len(self._computations) > self._kept:
                    self._computations.popitem(last=False)
            else:
                self._computations.move_to_end(key)
        if known is not None:
            if not known.done.wait(wait_s):
                raise TimeoutError
            return known.values[0] if known.values else compute()
        try:
            mine.values.append(compute())
        finally:
            if not mine.values:
                self._forget(key, mine)
            mine.done.set()
        return mine.values[0]

    def _forget(self, key: Hashable, computation: _Computation[Value]) -> None:
        with self._lock:
            if self._computations.get(key) is computation:
                del self._computations[key]
