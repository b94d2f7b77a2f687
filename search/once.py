"""Work that several ask for at the same time, done once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class OnceEach(Generic[Value]):
    """Results by key: the last `kept` of them. Who asks for one that is being worked out waits for
    it; where that fails, they work it out themselves."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._results: OrderedDict[Hashable, Future[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, work: Callable[[], Value]) -> Value:
        """What `work` gives, or gave, for this key. Raises what it raises."""
        with self._lock:
            known = self._results.get(key)
            if known is None:
                mine: Future[Value] = Future()
                self._results[key] = mine
                while len(self._results) > self._kept:
                    self._results.popitem(last=False)
            else:
                self._results.move_to_end(key)
        if known is not None:
            return work() if known.exception() else known.result()
        try:
            mine.set_result(work())
        except BaseException as error:
            mine.set_exception(error)
            with self._lock:
                if self._results.get(key) is mine:
                    del self._results[key]
            raise
        return mine.result()
