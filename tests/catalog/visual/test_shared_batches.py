"""Rows of several threads in one batch."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from catalog.visual.torch_encoder import MAX_ROWS, SharedBatches
from tests.support.processes import wait_until


class Doubling:
    """Returns twice the rows and minus the rows; the first batch waits for `go`."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go = threading.Event()

    def __call__(self, rows: np.ndarray) -> list[np.ndarray]:
        self.sizes.append(len(rows))
        if len(self.sizes) == 1:
            assert self.go.wait(30)
        if (rows < 0).any():
            raise ValueError("negative")
        return [2 * rows, -rows]


def ask_while_busy(work: Doubling, asked: list[np.ndarray]) -> tuple[list[Any], list[Any]]:
    """(outputs, errors) of all `asked`, which arrive while a batch of one row runs."""
    batches = SharedBatches(work)
    with ThreadPoolExecutor(len(asked) + 1) as threads:
        first = threads.submit(batches.run, np.zeros((1, 2)))
        wait_until(lambda: work.sizes == [1])
        others = []
        for number, rows in enumerate(asked, 1):
            others.append(threads.submit(batches.run, rows))
            wait_until(lambda number=number: len(batches._waiting) == number)
        work.go.set()
        assert first.result(30)[0].tolist() == [[0, 0]]
        errors = [other.exception(30) for other in others]
    return [None if e else o.result() for o, e in zip(others, errors, strict=True)], errors


def test_requests_during_a_batch_form_the_next_batch() -> None:
    work = Doubling()
    asked = [np.full((number, 2), number) for number in (1, 2, 3)]

    answers, _ = ask_while_busy(work, asked)

    assert work.sizes == [1, 6]
    for rows, (twice, minus) in zip(asked, answers, strict=True):
        assert twice.tolist() == (2 * rows).tolist()
        assert minus.tolist() == (-rows).tolist()


def test_a_batch_is_limited_unless_one_request_is_larger() -> None:
    work = Doubling()

    ask_while_busy(work, [np.ones((size, 2)) for size in (MAX_ROWS - 1, 1, 1, MAX_ROWS + 1, 1)])

    assert work.sizes == [1, MAX_ROWS, 1, MAX_ROWS + 1, 1]


def test_a_failed_batch_raises_only_for_its_own_requests() -> None:
    work = Doubling()

    answers, errors = ask_while_busy(work, [np.full((MAX_ROWS, 2), -1), np.ones((1, 2))])

    assert isinstance(errors[0], ValueError)
    assert answers[1][0].tolist() == [[2, 2]]
