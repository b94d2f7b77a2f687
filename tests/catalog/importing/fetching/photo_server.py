"""A web server on this machine for tests, good and bad. It counts its requests."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Page:
    """What the server answers, after `delay_s`. `act` writes an answer of its own in place of all
    else."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    act: Act | None = None
    delay_s: float = 0.0


class PhotoServer:
    """Serves `pages`, {path: Page}. `requests` are the paths that were asked for, in order, and
    `most_at_once` the most of them that were delayed at a time."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("PhotoHandler", (Handler,), {"photos": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def host(self) -> str:
        """The host with its port, as IMPORT_ALLOWED_HOSTS names it."""
        return f"127.0.0.1:{self._server.server_port}"

    def put(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Puts a page at a path, and returns its address. Underscores in names of headers stand
        for hyphens."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = Page(body, status, names)
        return self.url(path)

    def put_slow(self, path: str, body: bytes, delay_s: float = 0.02) -> str:
        self.pages[path] = Page(body, delay_s=delay_s)
        return self.url(path)

    def act(self, path: str, act: Act) -> str:
        self.pages[path] = Page(act=act)
        return self.url(path)

    def redirect(self, path: str, location: str) -> str:
        return self.put(path, status=302, Location=location)

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    @contextmanager
    def running(self) -> Iterator["PhotoServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @contextmanager
    def counted(self, handler: BaseHTTPRequestHandler) -> Iterator[None]:
        with self._lock:
            self.requests.append(handler.path)
            self.headers.append(dict(handler.headers))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1


class Handler(BaseHTTPRequestHandler):
    """Answers with the pages of `photos`."""

    photos: PhotoServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.photos.connections += 1

    def do_GET(self) -> None:
        page = self.photos.pages.get(self.path, Page(status=404))
        with self.photos.counted(self):
            time.sleep(page.delay_s)
        with suppress(ConnectionError):
            if page.act:
                page.act(self)
                self.close_connection = True
            elif page.status == 200 and self._is_current(page):
                self._answer(304, page.headers, b"")
            else:
                self._answer(page.status, page.headers, page.body)

    def _is_current(self, page: Page) -> bool:
        tag, date = page.headers.get("ETag"), page.headers.get("Last-Modified")
        if tag and "If-None-Match" in self.headers:
            return self.headers["If-None-Match"] == tag
        return bool(date) and self.headers.get("If-Modified-Since") == date

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            super().handle()

    def log_message(self, *arguments: Any) -> None:
        pass


def write(*parts: bytes, every_s: float = 0.0, times: int = 1) -> Act:
    """Returns an act that writes these bytes as they are, the last of them several times."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        for part in (*parts[:-1], *[parts[-1]] * times):
            handler.wfile.write(part)
            handler.wfile.flush()
            if every_s:
                time.sleep(every_s)

    return act
