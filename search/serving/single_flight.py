"""A cache whose concurrent callers share one computation."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class _Computation(Generic[Value]):
    """A computation that is running or has ended. It stores no exception, because an exception
    references the frames that raised it, and these hold decoded photos."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.values: list[Value] = []  # one value, or none if the computation failed


class SingleFlightCache(Generic[Value]):
    """A cache of the `max_values` most recently used values. Concurrent callers with the same key
    share one computation. If it fails, each waiting caller computes the value itself."""

    def __init__(self, max_values: int) -> None:
        self._max_values = max_values
        self._computations: OrderedDict[Hashable, _Computation[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Value], wait_s: float) -> Value:
        """Returns the cached value of this key, or else the result of `compute`. Passes on the
        exceptions of `compute`. Raises TimeoutError if another caller's computation takes more than
        `wait_s` seconds."""
        with self._lock:
            shared = self._computations.get(key)
            if shared is None:
                mine = self._computations[key] = _Computation[Value]()
                while len(self._computations) > self._max_values:
                    self._computations.popitem(last=False)
            else:
                self._computations.move_to_end(key)
        if shared is not None:
            if not shared.done.wait(wait_s):
                raise TimeoutError
            return shared.values[0] if shared.values else compute()
        try:
            mine.values.append(compute())
        finally:
            if not mine.values:
                self._forget(key, mine)
            mine.done.set()
        return mine.values[0]

    def clear(self) -> None:
        """Removes all values."""
        with self._lock:
            self._computations.clear()

    def _forget(self, key: Hashable, computation: _Computation[Value]) -> None:
        with self._lock:
            if self._computations.get(key) is computation:
                del self._computations[key]
