"""Photos from storage to pixels: ahead in threads as a rule, one by one in a child process for a
chunk that has killed a worker or hung."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage

from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.models.product import content_hash
from catalog.parent_death import die_with_parent
from catalog.visual.pixels import decode_pixels
from catalog.visual.preprocessing import Preprocessing
from indexing.embedding import quarantine
from indexing.embedding.staleness import StaleImage

AHEAD = 64  # photos
THREADS = 2
TIMEOUT_S = 30.0
START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ReadImage:
    """An image whose file was read: `content_hash` is of the bytes that were really there."""

    image: StaleImage
    content_hash: str


Decoded = tuple[ReadImage, np.ndarray]
"""The pixels: uint8 (height, width, 3), as the encoder takes them."""


class DecodingHung(Exception):
    """A photo took too long; the chunk is to be done again, photo by photo."""


def decode_ahead(images: Sequence[StaleImage], preprocessing: Preprocessing) -> Iterator[Decoded]:
    """Decodes in threads, at most AHEAD photos ahead of the taker, in order. What cannot be read is
    noted and left out. Raises DecodingHung."""
    threads = DaemonThreads(THREADS, "decode")
    waiting: deque[tuple[StaleImage, Future[Decoded]]] = deque()
    upcoming = iter(images)
    try:
        while True:
            if len(waiting) <= AHEAD // 2:  # many at a time: the threads change places less often
                for image in islice(upcoming, AHEAD - len(waiting)):
                    waiting.append((image, threads.submit(_decode, image, preprocessing)))
            if not waiting:
                return
            image, future = waiting.popleft()
            try:
                yield future.result(TIMEOUT_S)
            except TimeoutError as error:
                raise DecodingHung(f"{image.file} took over {TIMEOUT_S:.0f} s.") from error
            except (ImageError, OSError) as error:
                if decoded := _try_again(image, preprocessing, error):
                    yield decoded
    finally:
        threads.close()


def decode_carefully(
    images: Sequence[StaleImage], preprocessing: Preprocessing
) -> Iterator[Decoded]:
    """As `decode_ahead`, but each photo alone, in a child that may crash or hang without harm. What
    killed the worker was not counted: nobody knows which photo it was."""
    child = ChildDecoder()
    try:
        for image in images:
            key = (image.product_id, image.image_id, image.content_hash)
            quarantined = False
            while not quarantined:
                try:
                    yield child.decode(image, preprocessing)
                    break
                except (ImageError, OSError, DecodingHung, BrokenProcessPool) as error:
                    quarantined = quarantine.note_attempt(*key, _sentence(error))
    finally:
        child.close()


class ChildDecoder:
    """A process that decodes; ended when it hangs, started anew when it died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def decode(self, image: StaleImage, preprocessing: Preprocessing) -> Decoded:
        """Raises ImageError, OSError, DecodingHung or BrokenProcessPool."""
        data = _read(image)
        future = self._started().submit(decode_pixels, data, preprocessing, _limits())
        try:
            return ReadImage(image, content_hash(data)), future.result(TIMEOUT_S)
        except TimeoutError as error:
            self.close()
            raise DecodingHung(f"Decoding it took over {TIMEOUT_S:.0f} s.") from error
        except BrokenProcessPool:
            self.close()
            raise

    def _started(self) -> ProcessPoolExecutor:
        """The child, known to run: a child that cannot start is no photo's fault."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, context, die_with_parent, (os.getpid(), signal.SIGKILL))
            try:
                pool.submit(os.getpid).result(START_TIMEOUT_S)
            except (BrokenProcessPool, TimeoutError) as error:
                raise RuntimeError("The process that decodes photos does not start.") from error
            self._pool = pool
        return self._pool

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list(pool._processes.values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)


class DaemonThreads:
    """Threads that do one thing after another and end with the process, whatever they are at: one
    of a ThreadPoolExecutor that hangs would keep the process from ending."""

    def __init__(self, count: int, name: str) -> None:
        self._tasks: SimpleQueue[tuple[Future, Callable[..., Any], tuple] | None] = SimpleQueue()
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, act: Callable[..., Any], *arguments: Any) -> Future:
        future: Future = Future()
        self._tasks.put((future, act, arguments))
        return future

    def close(self) -> None:
        """Forgets what has not been begun; ends each thread when it is free."""
        with suppress(Empty):
            while True:
                self._tasks.get_nowait()
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, act, arguments = task
            try:
                future.set_result(act(*arguments))
            except Exception as error:
                future.set_exception(error)


def _try_again(image: StaleImage, preprocessing: Preprocessing, error: Exception) -> Decoded | None:
    """Notes the failed attempt and makes the others that are left to the image."""
    while not quarantine.note_attempt(
        image.product_id, image.image_id, image.content_hash, _sentence(error)
    ):
        try:
            return _decode(image, preprocessing)
        except (ImageError, OSError) as again:
            error = again
    return None


def _decode(image: StaleImage, preprocessing: Preprocessing) -> Decoded:
    data = _read(image)
    pixels = decode_pixels(data, preprocessing, _limits())
    return ReadImage(image, content_hash(data)), pixels


def _read(image: StaleImage) -> bytes:
    with default_storage.open(image.file, "rb") as file:
        return file.read(settings.IMAGE_MAX_BYTES + 1)


def _limits() -> ImageLimits:
    return ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)


def _sentence(error: Exception) -> str:
    if isinstance(error, BrokenProcessPool):
        return "The decoder crashed on it."
    if isinstance(error, OSError):
        return f"The file cannot be read: {error.strerror or error}."
    return str(error)
