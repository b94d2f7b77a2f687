"""Clients that send slowly, never, or too much do not slow others down. The tests use the
production web server on the demo catalogue."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.test import Client
from PIL import Image

from tests.support.processes import wait_until
from tests.support.web_servers import MULTIPART, WebServer, multipart

pytestmark = pytest.mark.django_db

CONNECTIONS = 200
HEAD = b"POST /api/v1/search/photo/ HTTP/1.1\r\nHost: localhost\r\n"
BODY = HEAD + f"Content-Type: {MULTIPART['Content-Type']}\r\nContent-Length: 9999\r\n\r\n".encode()


@pytest.fixture
def photo(photos: dict[str, Any]) -> bytes:
    """The body of a photo search."""
    return multipart([photos["scopia-living-lamp-2"].data])


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: loc", HEAD, BODY, BODY + b"--xxxxxxxx\r\n"],
    ids=["nothing", "half a line", "half the headers", "no body", "half a body"],
)
def test_unfinished_requests_do_not_delay_others(
    sent: bytes, demo_server: WebServer, photo: bytes
) -> None:
    # Given many more connections than threads. Each has sent the beginning of a request.
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(demo_server.connect(sent))

        # Then requests of others are answered.
        assert demo_server.status("/livez", 10) == 200
        status, _, answer = demo_server.request(
            "/api/v1/search/photo/", "POST", photo, MULTIPART, 20
        )
        assert status == 200, answer


def test_clients_that_do_not_read_their_answer_do_not_delay_others(
    demo_server: WebServer, photo: bytes, media_root: Path
) -> None:
    (media_root / "large.bin").write_bytes(bytes(20_000_000))
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(
                demo_server.connect(b"GET /media/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            )

        assert demo_server.status("/livez", 10) == 200
        assert demo_server.request("/api/v1/search/photo/", "POST", photo, MULTIPART, 20)[0] == 200


@pytest.mark.long  # a body may take 30 s
def test_connections_that_send_too_slowly_are_closed(demo_server: WebServer) -> None:
    begun = (b"GET / HTTP/1.1\r\nHost: localhost\r\n", 40), (BODY, 90)

    with ThreadPoolExecutor(2) as clients:
        cut_off = clients.map(lambda case: seconds_until_closed(demo_server, case[0]), begun)

    for seconds, (_, limit_s) in zip(cut_off, begun, strict=True):
        assert seconds < limit_s


def seconds_until_closed(server: WebServer, sent: bytes) -> float:
    """Returns the seconds after which the server closes a connection that sends single bytes."""
    began = time.monotonic()
    with server.connect(sent) as slow:
        while not is_closed(slow):
            assert time.monotonic() - began < 120
            slow.send(b"X")
    return time.monotonic() - began


def is_closed(connection: socket.socket) -> bool:
    """Returns whether the server closes the connection within half a second."""
    connection.settimeout(0.5)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_the_oldest_idle_connections_are_closed_when_there_are_too_many(
    demo_server: WebServer,
) -> None:
    with ExitStack() as held:
        first = held.enter_context(demo_server.connect(HEAD))
        for _ in range(600):
            held.enter_context(demo_server.connect(HEAD))

        assert demo_server.status("/livez", 10) == 200
        wait_until(lambda: is_closed(first), 5)


@pytest.mark.parametrize("expects", [b"", b"Expect: 100-continue\r\n"], ids=["", "asks first"])
@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("/api/v1/search/photo/", "application/problem+json", "Send at most 77 MB."),
        ("/search/", "text/html", "Send at most 5 photos of 15 MB each."),
    ],
)
def test_two_gigabytes_are_refused_by_their_length(
    path: str, kind: str, sentence: str, expects: bytes, demo_server: WebServer
) -> None:
    # Given the first megabytes of an upload,
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * 1024**3}\r\n".encode()
    type_ = f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n".encode()
    with demo_server.connect(head + expects + type_) as client:
        for _ in range(0 if expects else 20):
            client.sendall(bytes(1_000_000))

        # then the whole answer arrives, although the server has not read the rest.
        answer = client.makefile("rb").read().decode()

    assert answer.startswith("HTTP/1.1 413 ")
    assert f"Content-Type: {kind}" in answer
    assert sentence in answer
    assert demo_server.status("/livez") == 200


def test_a_chunked_body_above_the_maximum_is_refused(demo_server: WebServer) -> None:
    with demo_server.connect(HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as client:
        chunk = b"F4240\r\n" + bytes(1_000_000) + b"\r\n"
        for _ in range(90):
            client.sendall(chunk)
        answer = client.makefile("rb").read().decode()

    assert answer.startswith("HTTP/1.1 413 ")
    assert '"code": "image_too_large"' in answer


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/language/", "application/x-www-form-urlencoded"),
        ("/search/", "application/x-www-form-urlencoded"),
        ("/api/v1/search/photo/", "application/x-www-form-urlencoded"),
        ("/api/v1/events/", "application/json"),
    ],
)
@pytest.mark.parametrize("size", [70_000_000, 85_000_000])
def test_large_forms_without_files_are_refused_without_using_memory(
    size: int, path: str, type_: str, demo_server: WebServer
) -> None:
    before = measure_peak_memory(demo_server)

    status, _, _ = demo_server.request(path, "POST", b"a=" + b"b" * size, {"Content-Type": type_})

    assert status == 413
    assert measure_peak_memory(demo_server) - before < 50_000_000


def measure_peak_memory(server: WebServer) -> int:
    """Returns the peak memory of the web process in bytes."""
    (process,) = psutil.Process(server.pid).children()
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return 1024 * int(peak)


def test_five_photos_of_the_maximum_size_are_searched_for(
    demo_server: WebServer, photos: dict[str, Any]
) -> None:
    with Image.open(BytesIO(photos["scopia-living-lamp-2"].data)) as small:
        large = BytesIO()
        small.resize((2280, 2290)).save(large, "BMP")
    assert 15_500_000 < len(large.getvalue()) < 15 * 1024**2

    body = multipart([large.getvalue()] * 5)
    status, _, answer = demo_server.request("/api/v1/search/photo/", "POST", body, MULTIPART)

    assert status == 200, answer


def test_a_body_on_a_full_disk_ends_only_its_own_connection(
    demo_server: WebServer,
) -> None:
    (process,) = psutil.Process(demo_server.pid).children()
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError):  # noqa: PT011  (reset, or a broken pipe)
            demo_server.request("/search/", "POST", bytes(10_000_000), MULTIPART)
        assert demo_server.status("/livez") == 200
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, before)
    assert "could not be stored" in demo_server.log.read_text().splitlines()[-1]


def test_a_chunked_photo_is_read(demo_server: WebServer, photo: bytes) -> None:
    whole = demo_server.request("/api/v1/search/photo/", "POST", photo, MULTIPART)

    parts = [photo[at : at + 5000] for at in range(0, len(photo), 5000)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])
    chunked = f"Transfer-Encoding: chunked\r\nContent-Type: {MULTIPART['Content-Type']}\r\n\r\n"
    with demo_server.connect(HEAD + chunked.encode() + chunks) as client:
        answer = http.client.HTTPResponse(client)
        answer.begin()
        in_chunks = answer.read()
        answer.close()

    assert answer.status == whole[0] == 200
    assert results(in_chunks) == results(whole[2])


def results(answer: bytes) -> list[int]:
    return [result["product"]["id"] for result in json.loads(answer)["results"]]


def test_undecoded_chunks_are_refused_with_411(
    client: Client, check_problem: Callable[..., Any]
) -> None:
    response = client.post("/api/v1/search/photo/", headers={"Transfer-Encoding": "chunked"})

    check_problem(response, 411, "parameter_invalid")


def test_a_restart_loses_no_request(demo_server: WebServer, long_run: bool) -> None:
    with ThreadPoolExecutor(4) as clients:
        answers = [
            clients.submit(demo_server.status, "/api/v1/products/?limit=5")
            for _ in range(300 if long_run else 60)
        ]
        os.kill(demo_server.pid, signal.SIGHUP)
        statuses = {answer.result() for answer in answers}

    assert statuses == {200}
    wait_until(lambda: len(psutil.Process(demo_server.pid).children()) == 1)
