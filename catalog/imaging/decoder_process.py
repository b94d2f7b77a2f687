"""Decodes photos from untrusted senders in child processes.

The kernel limits the processor time and the memory of a child. A photo that exceeds a limit, or
crashes its decoder, ends only that child. The memory of a large photo goes back to the system.

Others use `DecoderPool`. This module does not import Django: a child runs it as a program, and
starts in a tenth of a second.
"""

import atexit
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, TextIO

from PIL import Image

from catalog.imaging.image_decoding import WHOLE, Box, ImageError, ImageLimits, decode_image

MAX_MEMORY = 2 * 1024**3  # bytes of a child's address space, libraries and threads included
_MAX_KEPT_BYTES = 4 * 1024**2  # of the memory shared with a child, between two photos
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "PATH": os.defpath,
    "PYTHONPATH": str(_ROOT),
    "MALLOC_ARENA_MAX": "1",
    # A child reuses the memory of usual photos and returns the memory of large ones.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024**2),
}


class DecodingTimeout(TimeoutError):
    """The photo was not decoded within the time of the caller."""


class _Died(Exception):
    """The child ended."""


class DecoderPool:
    """Decodes up to `size` photos at the same time, each in a child process. Any thread may use it.
    Children start at the first use and end with the process that started them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._owner = 0
        self._idle: LifoQueue[_Child | None] = LifoQueue()
        atexit.register(self.close)

    def decode(
        self,
        data: bytes,
        *,
        box: Box = WHOLE,
        at_least: int | None = None,
        limits: ImageLimits,
        cpu_s: float,
        wait_s: float,
    ) -> Image.Image:
        """Decodes a photo as `decode_image` does. It may take `cpu_s` seconds of processor time,
        and the caller waits at most `wait_s` seconds. Raises ImageError or DecodingTimeout."""
        deadline = time.monotonic() + wait_s
        child = self._take_child(wait_s)
        try:
            if child is not None and not child.is_alive():
                child.end()
                child = None
            if child is None:
                child = _Child()
            return child.decode(data, box, at_least, limits, cpu_s, deadline)
        except _Died as error:
            status, child = child.end() if child else 0, None
            raise _error_of_status(status) from error
        except ImageError:  # the child goes on
            raise
        except BaseException:
            if child is not None:
                child.end()
                child = None
            raise
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """Ends the idle children. The pool starts new ones when it needs them."""
        if self._owner != os.getpid():
            return
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for child in idle:
            if child is not None:
                child.end()
            self._idle.put(None)

    def _take_child(self, wait_s: float) -> "_Child | None":
        with self._lock:
            if self._owner != os.getpid():  # a fork cannot use its parent's children
                self._owner, self._idle = os.getpid(), LifoQueue()
                for _ in range(self._size):
                    self._idle.put(None)
        try:
            return self._idle.get(timeout=wait_s)
        except Empty as error:
            raise DecodingTimeout from error


class _Child:
    """A process that decodes one photo after another. Requests and answers go through a socket,
    photos and pixels through a file in shared memory."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._shared = os.memfd_create("photo")
        try:
            with theirs:
                self._process = _start(theirs.fileno(), self._shared)
        except OSError:
            self._socket.close()
            os.close(self._shared)
            raise
        self._lines = self._socket.makefile("rw")

    def decode(
        self,
        data: bytes,
        box: Box,
        at_least: int | None,
        limits: ImageLimits,
        cpu_s: float,
        deadline: float,
    ) -> Image.Image:
        _write(self._shared, data)
        request = {
            "length": len(data),
            "box": box,
            "at_least": at_least,
            "limits": [limits.max_bytes, limits.max_pixels],
            "cpu_s": cpu_s,
        }
        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            print(json.dumps(request), file=self._lines, flush=True)
            answer = self._lines.readline()
        except TimeoutError as error:
            raise DecodingTimeout from error
        except OSError as error:
            raise _Died from error
        if not answer.endswith("\n"):
            raise _Died
        return self._read_image(json.loads(answer))

    def _read_image(self, answer: dict[str, Any]) -> Image.Image:
        """Returns the image of an answer. Raises ImageError if the answer is an error."""
        try:
            if "error" in answer:
                raise ImageError(*answer["error"])
            width, height = answer["size"]
            size = 3 * width * height
            mapped = mmap.mmap(self._shared, size, prot=mmap.PROT_READ)
            with mapped, memoryview(mapped) as pixels:
                return Image.frombytes("RGB", (width, height), pixels)
        finally:
            if os.fstat(self._shared).st_size > _MAX_KEPT_BYTES:
                os.ftruncate(self._shared, 0)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> int:
        """Kills the process; returns its exit status, negative for a signal."""
        with suppress(OSError):  # the child did not read the last line
            self._lines.close()
        self._socket.close()
        os.close(self._shared)
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(0.1)  # it may have ended by itself
        self._process.kill()
        return self._process.wait()


def _start(*descriptors: int) -> subprocess.Popen:
    """Runs this module as a program that inherits these descriptors."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        cwd=_ROOT,
        env=_ENVIRONMENT,
        start_new_session=True,
    )


def _error_of_status(status: int) -> ImageError:
    if status == -signal.SIGPROF:
        sentence = "The image takes too long to read; save it as JPEG and send it again."
    else:
        sentence = "The image is damaged or incomplete; send the original file again."
    return ImageError("image_unreadable", sentence)


def _write(descriptor: int, data: bytes) -> None:
    position = 0
    while position < len(data):
        position += os.pwrite(descriptor, memoryview(data)[position:], position)


def _serve(lines: TextIO, shared: int) -> None:
    """Answers requests until the parent closes the socket."""
    for line in lines:
        print(json.dumps(_answer(json.loads(line), shared)), file=lines, flush=True)


def _answer(request: dict[str, Any], shared: int) -> dict[str, Any]:
    data = os.pread(shared, request["length"], 0)
    # The kernel ends the process when its threads have used this much processor time together.
    signal.setitimer(signal.ITIMER_PROF, request["cpu_s"])
    try:
        limits = ImageLimits(*request["limits"])
        image = decode_image(
            data, box=tuple(request["box"]), at_least=request["at_least"], limits=limits
        )
        _write(shared, image.tobytes())
        return {"size": image.size}
    except ImageError as error:
        return {"error": [error.code, error.message]}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=int(sys.argv[1])) as parent, suppress(OSError):
        _serve(parent.makefile("rw"), int(sys.argv[2]))
