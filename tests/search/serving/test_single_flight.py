"""Concurrent callers share one computation; with real threads."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.serving.single_flight import SingleFlightCache


def test_concurrent_callers_share_one_computation() -> None:
    cache: SingleFlightCache[int] = SingleFlightCache(10)
    barrier, made = threading.Barrier(8), []

    def work() -> int:
        made.append(threading.get_ident())
        return 42

    def call(_: int) -> int:
        barrier.wait()
        return cache.get("key", work, 5)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(call, range(8))) == [42] * 8
    assert len(made) == 1


def test_if_the_computation_fails_each_waiting_caller_computes() -> None:
    cache: SingleFlightCache[str] = SingleFlightCache(10)
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> str:
        begun.set()
        go_on.wait()
        raise LookupError("gone")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(cache.get, "key", fail, 5)
        begun.wait()
        second = threads.submit(cache.get, "key", lambda: "found", 5)
        go_on.set()

        assert isinstance(first.exception(), LookupError)
        assert second.result() == "found"
    assert cache.get("key", lambda: "kept", 5) in {"found", "kept"}


def test_failures_are_not_cached() -> None:
    cache: SingleFlightCache[int] = SingleFlightCache(10)

    with pytest.raises(ZeroDivisionError):
        cache.get(1, lambda: 1 // 0, 5)

    assert cache.get(1, lambda: 5, 5) == 5


def test_the_least_recently_used_results_are_removed() -> None:
    cache: SingleFlightCache[int] = SingleFlightCache(2)
    made: list[int] = []

    def get(key: int) -> int:
        return cache.get(key, lambda: made.append(key) or key, 5)

    for key in (1, 2, 1, 3, 1, 2):  # 3 pushes 2 out: 1 was used since
        assert get(key) == key

    assert made == [1, 2, 3, 2]


def test_waiting_for_another_caller_has_a_timeout() -> None:
    cache: SingleFlightCache[int] = SingleFlightCache(2)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        go_on.wait()
        return 1

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(cache.get, "key", slow, 5)
        begun.wait()
        with pytest.raises(TimeoutError):
            cache.get("key", slow, 0.01)
        go_on.set()
        assert first.result() == 1


def test_a_failure_keeps_no_references_to_its_data() -> None:
    class Picture:
        pass

    cache: SingleFlightCache[int] = SingleFlightCache(2)
    pictures = []

    def fail() -> int:
        picture = Picture()
        pictures.append(weakref.ref(picture))
        raise ValueError("damaged")

    gc.disable()  # objects must be freed without the cycle collector
    try:
        with pytest.raises(ValueError, match="damaged"):
            cache.get("key", fail, 5)
        assert pictures[0]() is None
    finally:
        gc.enable()
