"""Limits of the event loop of a web process, tried with real connections and threads and an
application that answers when the test lets it."""

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from waitress import wasyncore

from config.web.gunicorn_worker import ThreadPool, open_server

BODY = 600_000
HEAD = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n".encode()


class Site:
    """A listening server with one thread. It answers once `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.address = socket.create_server(("127.0.0.1", 0))
        self.sockets: dict[int, Any] = {}
        self.threads = ThreadPool(1)
        self.server = open_server(self._answer, self.address, self.sockets, self.threads)

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
        """Runs the event loop for a while, then closes excess connections."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            wasyncore.loop(0.05, use_poll=True, map=self.sockets, count=1)
        self.server.close_excess()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.go_on.set()
    site.threads.shutdown()
    wasyncore.close_all(site.sockets)
    site.address.close()


# Closing a connection drops the temporary file of its unfinished body.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_bodies_that_wait_for_a_thread_count_against_those_that_are_arriving(site: Site) -> None:
    site.server.max_total_body_bytes = 3 * BODY + 10_000
    with ExitStack() as held:

        def arrived(sent: bytes) -> socket.socket:
            client = held.enter_context(site.connect(sent))
            site.turn()
            return client

        # Given two complete requests and two unfinished ones, which together reach the limit,
        whole = [arrived(HEAD + bytes(BODY)) for _ in range(2)]
        small = arrived(HEAD + bytes(1000))
        large = arrived(HEAD + bytes(BODY - 1))
        assert len(site.server.connections()) == 4

        # when another request arrives, the server closes the largest unfinished one,
        whole.append(arrived(HEAD + bytes(BODY)))
        assert len(site.server.connections()) == 4
        assert large.recv(1) == b""

        # and answers the complete requests and the small one.
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


@pytest.mark.parametrize(("asked", "kept"), [(b"", True), (b"Connection: close\r\n", False)])
def test_an_answer_without_a_body_keeps_the_connection(
    site: Site, asked: bytes, kept: bool
) -> None:
    site.go_on.set()
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + asked + b"\r\n"
    with site.connect(request) as client:
        site.turn()
        first = client.recv(10_000)
        assert first.startswith(b"HTTP/1.1 204 ")
        assert (b"Connection: close" in first) is not kept
        if kept:
            client.sendall(request)
            site.turn()
            assert client.recv(10_000).startswith(b"HTTP/1.1 204 ")
        else:
            assert client.recv(10_000) == b""
