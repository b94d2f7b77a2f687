"""Shoppers that search all the time, on connections that they keep."""

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from config.paths import BASE_DIR
from tests.support.processes import wait_until
from tests.support.web_servers import MULTIPART, multipart

PATIENCE_S = 300.0
PHOTO = BASE_DIR / "catalog/demo/photos/blends-antiquechair-0.jpg"
REQUESTS = (
    ("POST", "/api/v1/search/photo/?limit=3", multipart([PHOTO.read_bytes()]), MULTIPART),
    ("GET", "/api/v1/search/text/?q=chair&limit=3", None, {}),
    ("GET", "/", None, {}),
)


class Load:
    """Searches in threads. `answered` counts the answers that are right, `failures` has the others:
    the path, and the status or the error."""

    def __init__(self, port: int, certificate: Path | None) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._port = port
        self._tls = ssl.create_default_context(cafile=certificate) if certificate else None
        self._lock = threading.Lock()
        self._ends = threading.Event()

    def wait_for(self, answers: int) -> None:
        """Waits until that many further answers have arrived."""
        wanted = self.answered + answers
        wait_until(lambda: self.answered >= wanted or self.failures)

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        for method, path, body, headers in cycle(REQUESTS):
            if self._ends.is_set():
                break
            connection = connection or self._connect()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
                failure = "" if response.status in (200, 202) else f"{path} {response.status}"
                closes = response.will_close
            except (OSError, http.client.HTTPException) as error:
                failure, closes = f"{path} {error!r}", True
            with self._lock:
                self.answered += not failure
                self.failures += [failure] if failure else []
            if closes:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(
                "localhost", self._port, timeout=PATIENCE_S, context=self._tls
            )
        return http.client.HTTPConnection("localhost", self._port, timeout=PATIENCE_S)

    def end(self) -> None:
        self._ends.set()


@contextmanager
def load(port: int, shoppers: int = 4, certificate: Path | None = None) -> Iterator[Load]:
    """Runs the load inside the block, once every shopper has had answers."""
    running = Load(port, certificate)
    threads = [threading.Thread(target=running.run) for _ in range(shoppers)]
    for thread in threads:
        thread.start()
    try:
        running.wait_for(3 * shoppers)
        yield running
    finally:
        running.end()
        for thread in threads:
            thread.join()
