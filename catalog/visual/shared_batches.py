"""Work that several threads bring at the same time, done as one batch."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

MAX_ROWS = 32  # rows of a batch of several threads

Work = Callable[[np.ndarray], list[np.ndarray]]
Asked = tuple[np.ndarray, Future[list[np.ndarray]]]


class SharedBatches:
    """`work`: from rows to outputs of as many rows each. What comes while a batch is worked on goes
    into the next one: the wait for it is the queue that requests share, and who is alone does not
    wait at all."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._waiting: deque[Asked] = deque()
        self._working = threading.Lock()

    def run(self, rows: np.ndarray) -> list[np.ndarray]:
        """The outputs for these rows. Raises what the work on their batch raised."""
        mine: Future[list[np.ndarray]] = Future()
        self._waiting.append((rows, mine))
        while not mine.done():
            with self._working:
                if not mine.done():
                    self._work_on(self._next())
        return mine.result()

    def _next(self) -> list[Asked]:
        """Those that came first, at least one."""
        batch = [self._waiting.popleft()]
        size = len(batch[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= MAX_ROWS:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0])
        return batch

    def _work_on(self, batch: list[Asked]) -> None:
        try:
            outputs = self.work(np.concatenate([rows for rows, _ in batch]))
            ends = np.cumsum([len(rows) for rows, _ in batch])[:-1]
            parts = zip(*(np.split(output, ends) for output in outputs), strict=True)
            for (_, future), part in zip(batch, parts, strict=True):
                future.set_result(list(part))
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
