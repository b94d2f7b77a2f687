"""Connections of web clients: their time limits, and how requests are refused."""

import copy
import logging
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from config.web.upload_size import API_PATH, body_max_bytes, is_upload

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("vitrina.web")

MAX_IDLE_S = 15.0
MAX_HEADERS_S = 10.0
MIN_BODY_S, MIN_BODY_BYTES_PER_S = 30.0, 8 * 1024
"""A body may take MIN_BODY_S seconds, plus the time that its bytes take at this rate."""
MAX_STALL_S = 30.0
"""How long a client may stop reading its answer."""
MAX_LINGER_S = 30.0
"""How long the server reads and discards the data of a refused client. If the server closed
the connection at once, the client would lose the answer."""
MAX_CHUNKED_BYTES = 8 * 1024
"""How much of a chunked body is parsed at a time: the effort grows with its square."""
MAX_FRAMING_BYTES, MAX_FRAMING_SHARE = 8 * 1024, 0.1
"""Sizes, extensions and trailers of chunks may take these bytes, plus this share of the body."""


class Request(HTTPRequestParser):
    """A request that may still be incomplete. A request that is too large counts as
    complete without its body: the application refuses it by its Content-Length, as a page or as
    JSON. `cut_short` says that the rest of the body is not read."""

    completed = False
    cut_short = False
    error: Any = None

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.began = time.time()

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if (is_upload(self.path) or self.path.startswith(API_PATH)) and not self.chunked:
            kind = self.headers.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
            largest = body_max_bytes(self.path, kind == "multipart/form-data")
            self.adj: Any = copy.copy(self.adj)
            self.adj.max_request_body_size = largest + 1

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data[:MAX_CHUNKED_BYTES] if self.chunked else data)
        if self.body_rcv is None:
            self.expect_continue = False  # there is no body to wait for
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
        return framing > MAX_FRAMING_BYTES + MAX_FRAMING_SHARE * body


def without_bodies_for_head(application: "WSGIApplication") -> "WSGIApplication":
    """Wraps the application so that answers to HEAD have no body. Neither Django nor waitress
    removes it, and clients would read it as the start of the next answer."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer


class Answer(WSGITask):
    """An answer. Without a body, as of 204 and 304, it needs no length, so the client may keep its
    connection. waitress would close it."""

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version == "1.0" or self.request.cut_short:
            super().set_close_on_finish()


class Connection(HTTPChannel):
    parser_class = Request
    task_class = Answer
    close_when_flushed = False
    _refused = False
    _lingers_since: float | None = None

    def is_overdue(self, now: float) -> bool:
        """Returns whether the connection has exceeded one of its time limits."""
        if self._lingers_since is not None:
            return now - self._lingers_since > MAX_LINGER_S
        if self.total_outbufs_len:
            return bool(now - self.last_activity > MAX_STALL_S)
        if self.requests:
            return False
        if self.request is None:
            return bool(now - self.last_activity > MAX_IDLE_S)
        if not self.request.headers_finished:
            return bool(now - self.request.began > MAX_HEADERS_S)
        allowed = MIN_BODY_S + self.request.body_bytes_received / MIN_BODY_BYTES_PER_S
        return bool(now - self.request.began > allowed)

    def is_waiting(self) -> bool:
        """Returns whether the connection is idle or its request is unfinished."""
        return not (self.requests or self.total_outbufs_len or self.close_when_flushed)

    def has_body(self) -> bool:
        return self.request is not None and self.request.headers_finished

    def active_since(self) -> float:
        """Returns when its unfinished request began, or else when it was last active."""
        return float(self.request.began if self.request else self.last_activity)

    def count_body_bytes(self) -> int:
        """Returns how many bytes of bodies have arrived, including those of requests that threads
        work on or will work on."""
        unfinished = [self.request] if self.request else []
        return sum(request.body_bytes_received for request in [*self.requests, *unfinished])

    def received(self, data: bytes) -> bool:
        try:
            received: bool = super().received(data)
        except OSError as error:  # the disk for temporary files is full
            log.warning("a request could not be stored: %s", error)
            self.handle_close()
            return False
        return received

    def service(self) -> None:
        if self.server.is_draining:
            self.requests[0].headers["CONNECTION"] = "close"
        self._refused = self._refused or self.requests[0].cut_short
        try:
            super().service()
        except BaseException:  # the thread pool swallows it, and the client would wait
            log.exception("a request ended in an error")
            self.cancel()
            self.server.pull_trigger()

    def readable(self) -> bool:
        return self._lingers_since is not None or super().readable()

    def handle_read(self) -> None:
        if self._lingers_since is None:
            super().handle_read()
        else:
            self.recv(self.adj.recv_bytes)  # closes the connection at the end of the stream

    def handle_write(self) -> None:
        if not (self._refused and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:  # the client has gone
            self.handle_close()
        elif not self.total_outbufs_len and self.connected:
            self.close_when_flushed = False
            self._lingers_since = time.time()
            self.socket.shutdown(socket.SHUT_WR)
