"""A connection of a web client: what it may take its time for, and how it is refused."""

import logging
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.utilities import BadRequest, RequestEntityTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("vitrina.web")

IDLE_S = 15.0
HEAD_S = 10.0
BODY_S = 30.0
BODY_BYTES_A_SECOND = 8 * 1024
"""A body has BODY_S, and more as long as this many bytes a second came on the whole."""
STALLED_S = 30.0
"""For how long a client may take nothing of its answer."""
LINGER_S = 30.0
"""For how long what a refused client goes on sending is read and thrown away: closed before, it
would lose the answer."""
CHUNKED_AT_ONCE = 8 * 1024
"""Bytes of a chunked body that are taken apart at a time: the effort grows with their square."""
FRAMING_BYTES, FRAMING_SHARE = 8 * 1024, 0.1
"""What sizes, extensions and trailers of chunks may take, and what share of the body on top."""


class Request(HTTPRequestParser):
    """A request as far as it has come. One that is too large counts as complete, without its body:
    the application refuses it by its Content-Length, in the format of its address. `cut_short` says
    that the rest of the body is not to be read."""

    completed = False
    cut_short = False
    error: Any = None

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.began = time.time()

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data[:CHUNKED_AT_ONCE] if self.chunked else data)
        if self.body_rcv is None:
            self.expect_continue = False  # there is nothing to go on with
        elif self.chunked and not self.completed and self._is_mostly_framing():
            self.error = BadRequest("The chunks are too small")
            self.completed = True
            self.cut_short = True
        if isinstance(self.error, RequestEntityTooLarge):
            self.error = None
            self.cut_short = True
            self.expect_continue = False
            self.headers["CONTENT_LENGTH"] = str(max(self.content_length, self.body_bytes_received))
            self.headers["CONNECTION"] = "close"
        return consumed

    def _is_mostly_framing(self) -> bool:
        body = len(self.body_rcv)
        framing = self.body_bytes_received - body
        return framing > FRAMING_BYTES + FRAMING_SHARE * body


def without_bodies_for_head(application: "WSGIApplication") -> "WSGIApplication":
    """The application, whose answers to HEAD are headers alone. Django and waitress leave that to
    each other, and a client takes a body for the beginning of the next answer."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer


class Connection(HTTPChannel):
    parser_class = Request
    close_when_flushed = False
    _refused = False
    _lingers_since: float | None = None

    def overdue(self, now: float) -> bool:
        """Whether it is to be closed, whatever may still come."""
        if self._lingers_since is not None:
            return now - self._lingers_since > LINGER_S
        if self.total_outbufs_len:
            return bool(now - self.last_activity > STALLED_S)
        if self.requests:
            return False
        if self.request is None:
            return bool(now - self.last_activity > IDLE_S)
        if not self.request.headers_finished:
            return bool(now - self.request.began > HEAD_S)
        allowed = BODY_S + self.request.body_bytes_received / BODY_BYTES_A_SECOND
        return bool(now - self.request.began > allowed)

    def waiting(self) -> bool:
        """Whether nothing is being done for it: it is idle, or its request is unfinished."""
        return not (self.requests or self.total_outbufs_len or self.close_when_flushed)

    def has_body(self) -> bool:
        return self.request is not None and self.request.headers_finished

    def since(self) -> float:
        """When its unfinished request began, else when it was last active."""
        return float(self.request.began if self.request else self.last_activity)

    def received_bytes(self) -> int:
        """Of the bodies of its requests, also of those that a thread works on or is to work on."""
        unfinished = [self.request] if self.request else []
        return sum(request.body_bytes_received for request in [*self.requests, *unfinished])

    def received(self, data: bytes) -> bool:
        try:
            came: bool = super().received(data)
        except OSError as error:  # the disk of temporary files is full
            log.warning("a request could not be kept: %s", error)
            self.handle_close()
            return False
        return came

    def service(self) -> None:
        self._refused = self._refused or self.requests[0].cut_short
        try:
            super().service()
        except BaseException:  # the pool of threads keeps it to itself, and the client waits
            log.exception("a request ended in an error")
            self.cancel()
            self.server.pull_trigger()

    def readable(self) -> bool:
        return self._lingers_since is not None or super().readable()

    def handle_read(self) -> None:
        if self._lingers_since is None:
            super().handle_read()
        else:
            self.recv(self.adj.recv_bytes)  # which closes the connection at its end

    def handle_write(self) -> None:
        if not (self._refused and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:  # its client is gone
            self.handle_close()
        elif not self.total_outbufs_len and self.connected:
            self.close_when_flushed = False
            self._lingers_since = time.time()
            self.socket.shutdown(socket.SHUT_WR)
