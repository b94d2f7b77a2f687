"""gunicorn's worker class: waitress reads requests and sends answers in an event loop, so that a
thread works only on requests that have arrived in full. gunicorn starts, watches and ends the
processes as ever."""

import os
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker as BaseWorker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from config.web.connection import Connection, without_bodies_for_head

MAX_CONNECTIONS = 400
MAX_BODY_BYTES = 1024**3
"""Of all requests that are arriving or being answered."""
IN_MEMORY_BYTES = 512 * 1024
"""Of a body; a larger one lies in a temporary file."""
BEAT_S = 1.0


class Threads(ThreadPoolExecutor):
    """The threads that answer requests. waitress's own take turns, all of them; these grow only as
    far as requests come at once, and so stay warm."""

    def add_task(self, connection: Connection) -> None:
        self.submit(connection.service)


class Server(TcpWSGIServer):
    """A listening socket, and the connections that it accepted."""

    channel_class = Connection

    def sweep(self) -> None:
        """Closes connections that are past their time; where there are too many, those that have
        waited longest; and where all bodies together are too large, the largest unfinished ones."""
        now = time.time()
        for connection in self.connections():
            if connection.overdue(now):
                connection.handle_close()
        waiting = sorted(
            (c for c in self.connections() if c.waiting()), key=lambda c: (c.has_body(), c.since())
        )
        excess = len(self.active_channels) - MAX_CONNECTIONS
        for connection in waiting[: max(0, excess)]:
            connection.handle_close()
        held = sum(connection.received_bytes() for connection in self.connections())
        for connection in sorted(waiting, key=Connection.received_bytes, reverse=True):
            if held <= MAX_BODY_BYTES or connection.received_bytes() <= IN_MEMORY_BYTES:
                break
            held -= connection.received_bytes()
            connection.handle_close()

    def connections(self) -> list[Connection]:
        return list(self.active_channels.values())

    def maintenance(self, now: float) -> None:
        """Nothing: `sweep` does it, between two looks at the sockets."""


class Worker(BaseWorker):
    """One web process."""

    def run(self) -> None:
        _allow_open_files()
        threads = Threads(self.cfg.threads)
        sockets: dict[int, Any] = {}
        servers = [self._listen(each, sockets, threads) for each in self.sockets]
        swept = 0.0
        while self.alive and self.ppid == os.getppid():
            self.notify()
            wasyncore.loop(BEAT_S, use_poll=True, map=sockets, count=1)
            crowded = len(sockets) > MAX_CONNECTIONS
            if crowded or time.monotonic() - swept >= BEAT_S:
                swept = time.monotonic()
                for server in servers:
                    server.sweep()
        self._finish(servers, sockets)
        threads.shutdown(wait=False, cancel_futures=True)

    def _listen(self, listener: Any, sockets: dict[int, Any], threads: Threads) -> Server:
        adjustments = Adjustments(
            connection_limit=2 * MAX_CONNECTIONS,
            max_request_header_size=64 * 1024,
            max_request_body_size=settings.REQUEST_MAX_BYTES + 1,
            recv_bytes=64 * 1024,
            inbuf_overflow=IN_MEMORY_BYTES,
            outbuf_overflow=256 * 1024,
            clear_untrusted_proxy_headers=False,  # config/web/proxies.py reads them
            log_socket_errors=False,
            ident=None,
        )
        sock: socket.socket = listener.sock
        return Server(
            without_bodies_for_head(self.wsgi),
            map=sockets,
            _sock=sock,
            dispatcher=threads,
            adj=adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )

    def _finish(self, servers: list[Server], sockets: dict[int, Any]) -> None:
        """Accepts nothing more; ends what has begun, for as long as gunicorn allows, and takes a
        request that is just arriving."""
        for server in servers:
            server.del_channel()
        now = time.monotonic()
        deadline, arrived = now + self.cfg.graceful_timeout, now + BEAT_S
        while (now := time.monotonic()) < deadline:
            open_ones = [connection for server in servers for connection in server.connections()]
            if not (open_ones if now < arrived else [c for c in open_ones if not c.waiting()]):
                break
            self.notify()
            wasyncore.loop(0.1, use_poll=True, map=sockets, count=1)


def _allow_open_files() -> None:
    """A connection may have its socket and two temporary files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4 * MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(4 * MAX_CONNECTIONS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
