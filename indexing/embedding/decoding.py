"""Reads photos from storage and decodes their views to pixels.

Threads decode ahead of the encoder. A chunk that has killed a worker or hung is decoded photo by
photo in a child process instead."""

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
from catalog.visual.preprocessing import Preprocessing
from indexing.embedding import quarantine
from indexing.embedding.staleness import StaleImage
from indexing.embedding.views import decode_views

MAX_PHOTOS_AHEAD = 64
DECODING_THREADS = 2
DECODING_TIMEOUT_S = 30.0
CHILD_START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ReadImage:
    """An image whose file was read. `content_hash` is the hash of the bytes in the file, which may
    differ from the hash in the image's row."""

    image: StaleImage
    content_hash: str


Decoded = tuple[ReadImage, np.ndarray]
"""An image and the pixels of its views: uint8 (VIEWS, height, width, 3)."""


class PhotosAway(Exception):
    """The service that stores the photos does not answer. No photo is to blame."""


class DecodingHung(Exception):
    """Decoding a photo took too long. The chunk must be done again, photo by photo."""


def decode_ahead(images: Sequence[StaleImage], preprocessing: Preprocessing) -> Iterator[Decoded]:
    """Yields the photos decoded, in order. Threads decode up to MAX_PHOTOS_AHEAD photos in
    advance. Skips photos that cannot be read, and records the failures. Raises DecodingHung and
    PhotosAway."""
    threads = DaemonThreads(DECODING_THREADS, "decode")
    waiting: deque[tuple[StaleImage, Future[Decoded]]] = deque()
    upcoming = iter(images)
    try:
        while True:
            if len(waiting) <= MAX_PHOTOS_AHEAD // 2:  # refilled in batches: fewer thread switches
                for image in islice(upcoming, MAX_PHOTOS_AHEAD - len(waiting)):
                    waiting.append((image, threads.submit(_decode, image, preprocessing)))
            if not waiting:
                return
            image, future = waiting.popleft()
            try:
                yield future.result(DECODING_TIMEOUT_S)
            except TimeoutError as error:
                raise DecodingHung(f"{image.file} took over {DECODING_TIMEOUT_S:.0f} s.") from error
            except (ImageError, OSError) as error:
                if decoded := _retry_decoding(image, preprocessing, error):
                    yield decoded
    finally:
        threads.close()


def decode_carefully(
    images: Sequence[StaleImage], preprocessing: Preprocessing
) -> Iterator[Decoded]:
    """As `decode_ahead`, but decodes one photo at a time in a child process, which may crash or
    hang without harm to the worker. A worker's death does not count as an attempt of any photo,
    because the photo that caused it is unknown."""
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
                    quarantined = quarantine.record_failure(*key, _describe_error(error))
    finally:
        child.close()


class ChildDecoder:
    """A child process that decodes photos. It is killed when it hangs, and replaced when it has
    died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def decode(self, image: StaleImage, preprocessing: Preprocessing) -> Decoded:
        """Decodes a photo. Raises ImageError, OSError, DecodingHung, BrokenProcessPool or
        PhotosAway."""
        data = _read_file(image)
        future = self._start_child().submit(decode_views, data, preprocessing, _image_limits())
        try:
            return ReadImage(image, content_hash(data)), future.result(DECODING_TIMEOUT_S)
        except TimeoutError as error:
            self.close()
            raise DecodingHung(f"Decoding took over {DECODING_TIMEOUT_S:.0f} s.") from error
        except BrokenProcessPool:
            self.close()
            raise

    def _start_child(self) -> ProcessPoolExecutor:
        """Starts a child unless one runs, and returns its pool. Raises RuntimeError if the child
        does not start, because then the photo is not to blame."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, context, die_with_parent, (os.getpid(), signal.SIGKILL))
            try:
                pool.submit(os.getpid).result(CHILD_START_TIMEOUT_S)
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
    """A pool of daemon threads. Unlike the threads of ThreadPoolExecutor, a thread that hangs does
    not keep the process from ending."""

    def __init__(self, count: int, name: str) -> None:
        self._tasks: SimpleQueue[tuple[Future, Callable[..., Any], tuple] | None] = SimpleQueue()
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        future: Future = Future()
        self._tasks.put((future, function, arguments))
        return future

    def close(self) -> None:
        """Drops the tasks that have not begun, and ends each thread after its present task."""
        with suppress(Empty):
            while True:
                self._tasks.get_nowait()
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, function, arguments = task
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)


def _retry_decoding(
    image: StaleImage, preprocessing: Preprocessing, error: Exception
) -> Decoded | None:
    """Records the failed attempt, and tries again until the photo is decoded or quarantined.
    Returns None if it is quarantined."""
    while not quarantine.record_failure(
        image.product_id, image.image_id, image.content_hash, _describe_error(error)
    ):
        try:
            return _decode(image, preprocessing)
        except (ImageError, OSError) as again:
            error = again
    return None


def _decode(image: StaleImage, preprocessing: Preprocessing) -> Decoded:
    data = _read_file(image)
    views = decode_views(data, preprocessing, _image_limits())
    return ReadImage(image, content_hash(data)), views


def _read_file(image: StaleImage) -> bytes:
    try:
        with default_storage.open(image.file, "rb") as file:
            return file.read(settings.IMAGE_MAX_BYTES + 1)
    except ConnectionError as error:
        raise PhotosAway(str(error)) from error


def _image_limits() -> ImageLimits:
    return ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)


def _describe_error(error: Exception) -> str:
    if isinstance(error, BrokenProcessPool):
        return "The decoder crashed."
    if isinstance(error, OSError):
        return f"The file cannot be read: {error.strerror or error}."
    return str(error)
