"""gunicorn's worker class. waitress reads requests and sends answers in an event loop, so threads
work only on requests that have arrived in full. gunicorn starts, watches and ends the processes."""

import os
import resource
import select
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from django.conf import settings
from gunicorn.workers.base import Worker as BaseWorker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from config.web.connection import Connection, without_bodies_for_head
from config.web.draining import DRAIN_S, MAX_WAIT_S, successors, tell_leaving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_CONNECTIONS = 400
MAX_TOTAL_BODY_BYTES = 1024**3
"""Limits the bodies of all requests that are arriving or being answered, together."""
MAX_BODY_BYTES_IN_MEMORY = 512 * 1024
"""Larger bodies lie in temporary files."""
MAX_WAITING_CONNECTIONS = 2048
"""How many connections the kernel keeps until they are accepted: gunicorn's backlog."""
TICK_S = 1.0
"""How often the event loop closes excess connections and tells gunicorn that it lives."""


class ThreadPool(ThreadPoolExecutor):
    """The threads that answer requests. waitress's own pool gives work to all its threads in turn.
    This one grows only as far as requests arrive at the same time, so its threads stay warm."""

    def add_task(self, connection: Connection) -> None:
        self.submit(connection.service)


class Server(TcpWSGIServer):
    """A listening socket and its accepted connections."""

    channel_class = Connection
    max_total_body_bytes = MAX_TOTAL_BODY_BYTES
    is_draining = False
    """Whether each connection is closed after the next answer."""

    def close_excess(self) -> None:
        """Closes overdue connections. If there are too many connections, closes those that have
        waited longest. If the bodies are too large together, closes the largest unfinished ones."""
        now = time.time()
        for connection in self.connections():
            if connection.is_overdue(now):
                connection.handle_close()
        waiting = sorted(
            (c for c in self.connections() if c.is_waiting()),
            key=lambda c: (c.has_body(), c.active_since()),
        )
        excess = len(self.active_channels) - MAX_CONNECTIONS
        for connection in waiting[: max(0, excess)]:
            connection.handle_close()
        held = sum(connection.count_body_bytes() for connection in self.connections())
        for connection in sorted(waiting, key=Connection.count_body_bytes, reverse=True):
            body_bytes = connection.count_body_bytes()
            if held <= self.max_total_body_bytes or body_bytes <= MAX_BODY_BYTES_IN_MEMORY:
                break
            held -= body_bytes
            connection.handle_close()

    def stop_accepting(self) -> None:
        """Accepts the connections that wait, and closes the listening socket at once. The kernel
        would reset those that nobody accepts, and a client may have sent its request."""
        for _ in range(MAX_WAITING_CONNECTIONS):
            if not select.select([self.socket], [], [], 0)[0]:
                break
            self.handle_accept()
        self.del_channel()
        self.socket.close()

    def connections(self) -> list[Connection]:
        return list(self.active_channels.values())

    def maintenance(self, now: float) -> None:
        """Does nothing: `close_excess` replaces it."""


def open_server(
    application: "WSGIApplication", sock: socket.socket, sockets: dict[int, Any], pool: ThreadPool
) -> Server:
    """Returns a server that accepts connections on `sock`, adds them to `sockets`, the map of the
    event loop, and lets the threads of `pool` run the application."""
    adjustments = Adjustments(
        connection_limit=2 * MAX_CONNECTIONS,
        max_request_header_size=64 * 1024,
        max_request_body_size=settings.REQUEST_MAX_BYTES + 1,
        recv_bytes=64 * 1024,
        inbuf_overflow=MAX_BODY_BYTES_IN_MEMORY,
        outbuf_overflow=256 * 1024,
        clear_untrusted_proxy_headers=False,  # config/web/proxies.py reads them
        log_socket_errors=False,
        ident=None,
    )
    return Server(
        without_bodies_for_head(application),
        map=sockets,
        _sock=sock,
        dispatcher=pool,
        adj=adjustments,
        sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
        bind_socket=False,
    )


class Worker(BaseWorker):
    """One web process."""

    _has_successor = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGHUP, self._expect_successor)

    def _expect_successor(self, signum: int, frame: object) -> None:
        self._has_successor = True

    def run(self) -> None:
        _allow_open_files()
        threads = ThreadPool(self.cfg.threads)
        sockets: dict[int, Any] = {}
        application = tell_leaving(lambda: not (self.alive or self._has_successor), self.wsgi)
        servers = [
            open_server(application, listener.sock, sockets, threads) for listener in self.sockets
        ]
        self._serve(servers, sockets)
        self._finish(servers, sockets)
        threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self, servers: list[Server], sockets: dict[int, Any]) -> None:
        """Accepts connections until the process is asked to stop and may leave, and then for
        DRAIN_S."""
        closed_at, stops_at, leaves_at = 0.0, float("inf"), float("inf")
        while (now := time.monotonic()) < leaves_at and self.ppid == os.getppid():
            self.notify()
            wasyncore.loop(TICK_S, use_poll=True, map=sockets, count=1)
            crowded = len(sockets) > MAX_CONNECTIONS
            if crowded or time.monotonic() - closed_at >= TICK_S:
                closed_at = time.monotonic()
                for server in servers:
                    server.close_excess()
            if not self.alive:
                stops_at = min(stops_at, now)
                if leaves_at == float("inf") and self._may_leave(now - stops_at):
                    leaves_at = time.monotonic() + DRAIN_S
                    for server in servers:
                        server.is_draining = True

    def _may_leave(self, waited_s: float) -> bool:
        """Returns whether nobody takes over, or all who do are ready."""
        ready = successors.count() >= self.cfg.workers
        return not self._has_successor or ready or waited_s > MAX_WAIT_S

    def _finish(self, servers: list[Server], sockets: dict[int, Any]) -> None:
        """Stops accepting connections. Finishes requests within gunicorn's graceful timeout, and
        those that are just arriving within TICK_S."""
        for server in servers:
            server.stop_accepting()
        now = time.monotonic()
        deadline, arrived = now + self.cfg.graceful_timeout, now + TICK_S
        while (now := time.monotonic()) < deadline:
            open_ones = [connection for server in servers for connection in server.connections()]
            if not (open_ones if now < arrived else [c for c in open_ones if not c.is_waiting()]):
                break
            self.notify()
            wasyncore.loop(0.1, use_poll=True, map=sockets, count=1)


def _allow_open_files() -> None:
    """Raises the limit of open files: a connection may have a socket and two temporary files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = (
        4 * MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(4 * MAX_CONNECTIONS, hard)
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
