"""Work that several ask for at the same time, done once: by real threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.once import OnceEach


def test_what_many_ask_for_at_once_is_worked_out_once() -> None:
    once: OnceEach[int] = OnceEach(10)
    all_there, made = threading.Barrier(8), []

    def work() -> int:
        made.append(threading.get_ident())
        return 42

    def ask(_: int) -> int:
        all_there.wait()
        return once.get("key", work)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [42] * 8
    assert len(made) == 1


def test_where_the_first_fails_the_others_try_themselves() -> None:
    once: OnceEach[str] = OnceEach(10)
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> str:
        begun.set()
        go_on.wait()
        raise LookupError("gone")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(once.get, "key", fail)
        begun.wait()
        second = threads.submit(once.get, "key", lambda: "found")
        go_on.set()

        assert isinstance(first.exception(), LookupError)
        assert second.result() == "found"
    assert once.get("key", lambda: "kept") in {"found", "kept"}


def test_what_failed_is_not_kept() -> None:
    once: OnceEach[int] = OnceEach(10)

    with pytest.raises(ZeroDivisionError):
        once.get(1, lambda: 1 // 0)

    assert once.get(1, lambda: 5) == 5


def test_only_the_last_results_are_kept() -> None:
    once: OnceEach[int] = OnceEach(2)
    made: list[int] = []

    def get(key: int) -> int:
        return once.get(key, lambda: made.append(key) or key)

    for key in (1, 2, 1, 3, 1, 2):  # 3 pushes 2 out: 1 was asked for since
        assert get(key) == key

    assert made == [1, 2, 3, 2]
