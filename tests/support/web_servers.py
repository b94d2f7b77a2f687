"""Web servers in separate processes, started as operators start them."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import REPOSITORY, wait_until

BOUNDARY = "xxxxxxxx"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def multipart(images: list[bytes]) -> bytes:
    """Returns the body of a photo search. Its request needs the headers MULTIPART."""
    head = 'Content-Disposition: form-data; name="image"; filename="photo.jpg"'
    parts = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for data in images]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class WebServer:
    """A running web server: its port on 127.0.0.1, its main process and its log file."""

    port: int
    pid: int
    log: Path

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> tuple[int, dict[str, str], bytes]:
        """Returns status, headers and body. Raises OSError or HTTPException without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def status(self, path: str, timeout_s: float = 60) -> int:
        """Returns the status of a GET, or 0 without an answer in time."""
        try:
            return self.request(path, timeout_s=timeout_s)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Opens a connection and sends `sent` on it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(sent)
        return connection


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def web_server(folder: Path, **environment: str) -> Iterator[WebServer]:
    """Runs gunicorn with the project's settings inside the block, which starts once it answers. It
    listens on PORT, or on a free port."""
    port = int(environment.get("PORT", 0)) or free_port()
    log = folder / "web.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:config.web.gunicorn", "config.wsgi"],
            cwd=REPOSITORY,
            env={**os.environ, "PORT": str(port), **environment},
            stdout=output,
            stderr=output,
        )
    server = WebServer(port, process.pid, log)
    try:
        wait_until(lambda: server.status("/livez") == 200 or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.terminate()
        process.wait(30)
