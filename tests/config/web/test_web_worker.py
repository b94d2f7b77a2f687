"""What the event loop of a web process allows its connections. Real connections and threads, and
an application that answers when it is told to."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from waitress import wasyncore

from config.web import gunicorn_worker as worker

BODY = 600_000
HEAD = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n".encode()


class Site:
    """A listening server of one thread, which answers once `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.address = socket.create_server(("127.0.0.1", 0))
        self.sockets: dict[int, Any] = {}
        self.threads = worker.Threads(1)
        self.server = worker.Worker._listen(
            SimpleNamespace(wsgi=self._answer),  # type: ignore[arg-type]
            SimpleNamespace(sock=self.address),
            self.sockets,
            self.threads,
        )

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/exit":
            raise SystemExit
        self.go_on.wait(60)
        start_response("204 No Content", [])
        return []

    def connect(self, sent: bytes) -> socket.socket:
        client = socket.create_connection(self.address.getsockname(), timeout=10)
        client.sendall(sent)
        return client

    def turn(self, seconds: float = 0.5) -> None:
        """Looks at the sockets for a while, and sweeps."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            wasyncore.loop(0.05, use_poll=True, map=self.sockets, count=1)
        self.server.sweep()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.go_on.set()
    site.threads.shutdown()
    wasyncore.close_all(site.sockets)
    site.address.close()


# The file of an unfinished body is closed as its connection goes.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_bodies_that_wait_for_a_thread_count_against_those_that_are_arriving(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_BODY_BYTES", 3 * BODY + 10_000)
    with ExitStack() as held:

        def arrived(sent: bytes) -> socket.socket:
            client = held.enter_context(site.connect(sent))
            site.turn()
            return client

        # Given two requests that have arrived, and one that has not quite: all that is allowed,
        whole = [arrived(HEAD + bytes(BODY)) for _ in range(2)]
        small = arrived(HEAD + bytes(1000))
        large = arrived(HEAD + bytes(BODY - 1))
        assert len(site.server.connections()) == 4

        # when another one arrives, the largest unfinished one makes room,
        whole.append(arrived(HEAD + bytes(BODY)))
        assert len(site.server.connections()) == 4
        assert large.recv(1) == b""

        # and those that have arrived are answered, as are those that hold little.
        site.go_on.set()
        small.sendall(bytes(BODY - 1000))
        site.turn(2)
        for client in (*whole, small):
            assert client.recv(20).startswith(b"HTTP/1.1 204 ")


def test_a_request_that_ends_its_thread_ends_its_connection_and_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with site.connect(b"GET /exit HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        site.turn()

        assert client.recv(1) == b""
    assert "a request ended in an error" in caplog.text
    assert site.server.connections() == []
