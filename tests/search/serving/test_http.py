"""HTTP requests that the production web server answers or refuses, on the demo catalogue."""

import http.client
import time

import pytest

from tests.support.web_servers import WebServer

pytestmark = pytest.mark.django_db

CHUNKED = (
    b"POST /api/v1/events/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize("path", ["/", "/livez", "/api/v1/products/", "/nothing-here"])
def test_an_answer_to_head_has_no_body(path: str, demo_server: WebServer) -> None:
    with demo_server.connect() as client:
        request = f"{{}} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {{}}\r\n\r\n"
        client.sendall(request.format("HEAD", "keep-alive").encode())
        client.sendall(request.format("GET", "close").encode())
        answers = client.makefile("rb").read()

    heads = answers.split(b"HTTP/1.1 ")[1:]
    assert len(heads) == 2
    assert heads[0].partition(b"\r\n\r\n")[2] == b""
    assert heads[1].partition(b"\r\n\r\n")[2] != b""


def test_expect_continue_without_a_body_is_answered(
    demo_server: WebServer,
) -> None:
    began = time.monotonic()
    status, _, _ = demo_server.request("/livez", headers={"Expect": "100-continue"}, timeout_s=10)

    assert status == 200
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "overhead",
    [b"1" * 1000, b"1;" + b"a" * 998, b"0\r\n" + b"a" * 997, b"1\r\n \r\n" * 200],
    ids=["a size without end", "an extension", "a trailer", "a byte a chunk"],
)
def test_chunks_that_are_mostly_overhead_are_refused(
    overhead: bytes, demo_server: WebServer
) -> None:
    with demo_server.connect(CHUNKED) as client:
        client.settimeout(20)
        try:
            client.sendall(overhead + overhead[:1] * 100_000)
            for _ in range(200):
                client.sendall(overhead)
        except OSError:
            pass  # refused, and closed
        answer = client.makefile("rb").readline()

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_small_chunks_of_a_small_request_are_read(demo_server: WebServer) -> None:
    body = b'{"events": []}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with demo_server.connect(CHUNKED + chunks) as client:
        answer = http.client.HTTPResponse(client)
        answer.begin()

        assert answer.status == 400
        assert b"parameter_invalid" in answer.read()
        answer.close()
