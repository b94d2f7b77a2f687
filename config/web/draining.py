"""How a web process leaves: for some time it still answers, and tells balancers and clients to turn
to another process. In a reload it leaves when those that replace it are ready."""

import json
import mmap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from config.environment import read_float

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DRAIN_S = read_float("WEB_DRAIN_S", 0.0, 0.0, 300.0)
"""How long a web process that was asked to stop still accepts connections. It closes each after its
next answer."""
MAX_WAIT_S = 300.0
"""How long a web process waits for those that replace it, before it leaves all the same."""


class Successors:
    """Counts the web processes that have become ready since the last reload. The main process
    creates it, and the web processes share its memory."""

    def __init__(self) -> None:
        self._ready = mmap.mmap(-1, mmap.PAGESIZE)

    def expect(self) -> None:
        """Begins a reload."""
        self._ready[:] = bytes(len(self._ready))

    def note_ready(self, age: int) -> None:
        """Counts a web process. `age`: its number among all that the main process has started. Each
        has a byte of its own, so none overwrites another."""
        self._ready[age % len(self._ready)] = 1

    def count(self) -> int:
        return sum(self._ready[:])


successors = Successors()


def tell_leaving(
    is_leaving: Callable[[], bool], application: "WSGIApplication"
) -> "WSGIApplication":
    """Wraps the application so that /readyz answers 503 while `is_leaving()`, before the process
    refuses connections. /acceptz answers this alone, for a proxy that has to serve pages even if
    there is no index yet."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        leaving, path = is_leaving(), environ["PATH_INFO"]
        if path != "/acceptz" and not (leaving and path == "/readyz"):
            return application(environ, start_response)
        said = {"status": "unavailable", "process": "stopping"} if leaving else {"status": "ok"}
        body = json.dumps(said).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("503 Service Unavailable" if leaving else "200 OK", headers)
        return [body]

    return answer
