"""Network connections for httpcore2 that go where the guard allows, and end with a deadline."""

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from ssl import SSLContext
from typing import Any
from weakref import WeakSet

import httpcore2

from catalog.importing.fetching.network_guard import NetworkGuard

CONNECT_TIMEOUT_S = 10.0  # for each IP address of a host


class Deadline(threading.local):
    """When the present request of each thread must be over."""

    until = float("inf")

    def start(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def left(self, timeout: float | None = None) -> float:
        """Returns the seconds left, or `timeout` if that is less. Raises ReadTimeout if none are
        left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("The time is over.")
        return left if timeout is None else min(left, timeout)


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects to the IP addresses that the guard has checked. httpcore2 uses the name for TLS and
    for the header `Host`."""

    def __init__(self, guard: NetworkGuard, deadline: Deadline) -> None:
        self._guard = guard
        self._deadline = deadline
        self._backend = httpcore2.SyncBackend()
        self._open: WeakSet[_DeadlineStream] = WeakSet()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connects to the first IP address of the host that answers. Raises AddressRefused, OSError
        if the name does not resolve, and the errors of httpcore2."""
        failure: Exception = httpcore2.ConnectError("no address")
        for ip in self._guard.resolve(host, port, self._deadline.left()):
            left = self._deadline.left(CONNECT_TIMEOUT_S)
            try:
                stream = self._backend.connect_tcp(ip, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                guarded = _DeadlineStream(stream, self._deadline)
                self._open.add(guarded)
                return guarded
        raise failure

    def abort(self) -> None:
        """Breaks all connections off. Threads that wait for one get an error at once."""
        for stream in list(self._open):
            stream.abort()


class _DeadlineStream(httpcore2.NetworkStream):
    """A connection whose reads and writes end when the deadline of their thread is over. It counts
    for the whole request, so that a server cannot hold it by sending a byte now and then."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.left(timeout)
        self._stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def abort(self) -> None:
        with suppress(OSError):
            self.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
