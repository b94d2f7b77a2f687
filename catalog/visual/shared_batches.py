"""Combines the inputs of several threads in one batch."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

MAX_ROWS = 32  # of a batch that several threads share

Work = Callable[[np.ndarray], list[np.ndarray]]
Request = tuple[np.ndarray, Future[list[np.ndarray]]]


class SharedBatches:
    """Runs `work`, which maps rows to outputs with as many rows each. Requests that arrive while a
    batch runs form the next batch. A single request runs at once."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._waiting: deque[Request] = deque()
        self._working = threading.Lock()

    def run(self, rows: np.ndarray) -> list[np.ndarray]:
        """Returns the outputs for these rows. Raises any exception of `work` for their batch."""
        mine: Future[list[np.ndarray]] = Future()
        self._waiting.append((rows, mine))
        while not mine.done():
            with self._working:
                if not mine.done():
                    self._run_batch(self._next_batch())
        return mine.result()

    def _next_batch(self) -> list[Request]:
        """Takes the oldest requests, at least one."""
        batch = [self._waiting.popleft()]
        size = len(batch[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= MAX_ROWS:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0])
        return batch

    def _run_batch(self, batch: list[Request]) -> None:
        try:
            outputs = self.work(np.concatenate([rows for rows, _ in batch]))
            ends = np.cumsum([len(rows) for rows, _ in batch])[:-1]
            parts = zip(*(np.split(output, ends) for output in outputs), strict=True)
            for (_, future), part in zip(batch, parts, strict=True):
                future.set_result(list(part))
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
