"""Requests end within their limits, whatever a server does, and failures are sentences."""

import gzip
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.web_address import parse_address
from tests.catalog.importing.fetching.photo_server import PhotoServer, write

OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 1024**2
CHUNK = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"


def fetch(client: GuardedClient, url: str, max_bytes: int = MEGABYTE) -> bytes:
    with client.get(parse_address(url), max_bytes) as answer:
        return answer.read()


def failure(client: GuardedClient, url: str, max_bytes: int = MEGABYTE) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        fetch(client, url, max_bytes)
    return failed.value


def test_a_file_is_fetched_with_its_headers(server: PhotoServer, client: GuardedClient) -> None:
    url = server.put("/photo.jpg?size=1", b"photo", ETag='"1"', Content_Type="image/jpeg")

    with client.get(parse_address(url), 10, {"If-None-Match": '"0"'}) as answer:
        assert (answer.status, answer.read()) == (200, b"photo")
        assert (answer.headers["etag"], answer.headers["content-type"]) == ('"1"', "image/jpeg")
    assert server.headers[0]["Host"] == server.host
    assert server.headers[0]["If-None-Match"] == '"0"'


def test_connections_are_used_again_and_proxies_of_the_environment_are_not(
    server: PhotoServer, client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    for number in range(5):
        assert fetch(client, server.put(f"/{number}", b"photo")) == b"photo"

    assert server.connections == 1


def test_a_connection_that_the_server_has_closed_is_replaced(
    server: PhotoServer, client: GuardedClient
) -> None:
    closes = write(OK + b"Content-Length: 5\r\n\r\nphoto")  # and does not say that it closes
    urls = [server.act(f"/{number}", closes) for number in range(20)]

    assert {fetch(client, url) for url in urls} == {b"photo"}
    assert server.connections == 20


def test_five_redirects_are_followed_and_no_more(
    server: PhotoServer, client: GuardedClient
) -> None:
    server.put("/5", b"photo")
    for number in range(5):
        server.redirect(f"/{number}", f"/{number + 1}")
    server.redirect("/more", server.url("/0"))

    assert fetch(client, server.url("/0")) == b"photo"
    assert str(failure(client, server.url("/more"))) == "The address redirects more than 5 times."


@pytest.mark.parametrize(
    ("parts", "times"),
    [
        ((OK + b"Content-Length: 1000\r\n\r\n", b"x"), 1000),
        ((OK, b"X-Header: x\r\n"), 1000),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), 1000),
    ],
    ids=["body", "headers", "continue"],
)
def test_a_server_that_trickles_is_left_when_the_time_is_over(
    server: PhotoServer,
    make_client: Callable[..., GuardedClient],
    parts: tuple[bytes, ...],
    times: int,
) -> None:
    url = server.act("/slow.jpg", write(*parts, every_s=0.02, times=times))
    began = time.monotonic()

    failed = failure(make_client(time_limit_s=0.2), url)

    assert str(failed) == "The server took more than 0.2 s."
    assert time.monotonic() - began < 5  # not the 20 s that the server needs


@pytest.mark.parametrize(
    "act",
    [
        write(OK + b"Content-Length: 5000000000000\r\n\r\n", b"x"),
        write(OK + b"\r\n", b"x" * 65_536, times=100_000),
        write(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, times=100_000),
        write(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(50 * MEGABYTE))),
    ],
    ids=["declared", "endless", "endless chunks", "gzip bomb"],
)  # fmt: skip
def test_a_file_that_is_too_large_is_left(server: PhotoServer, client: GuardedClient, act) -> None:  # type: ignore[no-untyped-def]
    assert str(failure(client, server.act("/large.jpg", act))) == "The file is larger than 1 MB."


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (write(OK + b"Content-Length: 1000\r\n\r\n", b"half"), "The connection was cut off"),
        (write(b""), "The connection was cut off"),
        (write(b"SSH-2.0-OpenSSH\r\n"), "The connection was cut off"),
        (
            write(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"photo" * 99)[:-9]),
            "The connection was cut off",
        ),
        (write(OK + b"Content-Encoding: gzip\r\n\r\nphoto"), "damaged compressed file"),
        (write(OK + b"Content-Encoding: br\r\n\r\nphoto"), "the encoding 'br', which is not known"),
        (write(b"HTTP/1.1 302 Found\r\n\r\n"), "redirects without saying where to"),
    ],
    ids=["cut off", "empty", "no HTTP", "cut-off gzip", "bad gzip", "brotli", "no location"],
)
def test_broken_answers_are_failures(  # type: ignore[no-untyped-def]
    server: PhotoServer, client: GuardedClient, act, sentence: str
) -> None:
    assert sentence in str(failure(client, server.act("/broken.jpg", act)))


def test_compressed_files_are_decompressed(server: PhotoServer, client: GuardedClient) -> None:
    feed = b"sku,title\n" * 100_000
    url = server.put("/feed.csv", gzip.compress(feed), Content_Encoding="gzip")

    assert fetch(client, url, len(feed)) == feed


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_file_is_final(server: PhotoServer, client: GuardedClient, status: int) -> None:
    assert failure(client, server.put("/gone.jpg", status=status)).is_final


def test_other_statuses_are_tried_again(server: PhotoServer, client: GuardedClient) -> None:
    broken = failure(client, server.put("/broken.jpg", status=500))
    busy = failure(client, server.put("/busy.jpg", status=429, Retry_After="120"))
    date = "Wed, 21 Oct 2095 07:28:00 GMT"
    closed = failure(client, server.put("/closed.jpg", status=503, Retry_After=date))

    assert str(broken) == "The server answered with the status 500."
    assert (broken.is_final, broken.is_host_down, broken.retry_after_s) == (False, False, None)
    assert (busy.is_host_down, busy.retry_after_s) == (True, 120)
    assert closed.retry_after_s is not None
    assert closed.retry_after_s > 1e9


def test_a_host_that_nobody_runs_is_down(make_client: Callable[..., GuardedClient]) -> None:
    client = make_client(allowed=("127.0.0.1:1",))

    assert failure(client, "http://127.0.0.1:1/photo.jpg").is_host_down


def test_an_aborted_request_ends_at_once(server: PhotoServer, client: GuardedClient) -> None:
    url = server.act(
        "/slow.jpg", write(OK + b"Content-Length: 99\r\n\r\n", b"x", every_s=0.05, times=99)
    )
    threading.Timer(0.1, client.abort).start()
    began = time.monotonic()

    assert "The connection was cut off" in str(failure(client, url))
    assert time.monotonic() - began < 4


def test_tls_gets_the_name_of_the_host_and_checks_its_certificate(
    server: PhotoServer, make_client: Callable[..., GuardedClient], tmp_path: Path
) -> None:
    # Given a server with a certificate that nobody has signed.
    certificate = tmp_path / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    files = f"-subj /CN=shop.example -keyout {certificate} -out {tmp_path / 'cert.pem'}"
    subprocess.run(f"{command} {files}".split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", certificate)
    names: list[str | None] = []
    context.sni_callback = lambda socket, name, context: names.append(name)
    server._server.socket = context.wrap_socket(
        server._server.socket, server_side=True, do_handshake_on_connect=False
    )
    port = server.host.partition(":")[2]
    client = make_client((f"shop.example:{port}",), lambda host, port: ["127.0.0.1"])

    failed = failure(client, f"https://shop.example:{port}/photo.jpg")

    assert str(failed).startswith("The certificate of the server is not valid: self-signed")
    assert names == ["shop.example"]
