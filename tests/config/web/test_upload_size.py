"""How large requests may be: each call of the API has its limit, and the page for files to import
takes the largest."""

import pytest
from django.conf import settings
from waitress.adjustments import Adjustments

from config.web.connection import Request
from config.web.upload_size import UPLOAD_PATH, upload_max_bytes

MORE = settings.REQUEST_MAX_BYTES + 2
FORM = "Content-Type: multipart/form-data; boundary=x"
JSON = "Content-Type: application/json"


def is_refused(path: str, *headers: str) -> bool:
    """Returns whether the body of a request with these headers is not read."""
    request = Request(Adjustments(max_request_body_size=settings.REQUEST_MAX_BYTES + 1))
    lines = [f"POST {path} HTTP/1.1", "Host: shop.example", *headers, "", ""]
    request.received("\r\n".join(lines).encode())
    return request.cut_short


def test_a_large_file_is_read_at_its_page_alone() -> None:
    assert not is_refused(UPLOAD_PATH, FORM, f"Content-Length: {MORE}")
    assert not is_refused(UPLOAD_PATH, FORM, f"Content-Length: {upload_max_bytes()}")
    assert is_refused(UPLOAD_PATH, FORM, f"Content-Length: {upload_max_bytes() + 1}")


@pytest.mark.parametrize(
    ("path", "kind", "largest"),
    [
        ("/api/v1/search/photo/", FORM, settings.REQUEST_MAX_BYTES),
        ("/api/v1/search/photo/", JSON, 1024**2),
        ("/api/v1/products/import/", JSON, 16 * 1024**2),
        ("/api/v1/events/", JSON, 1024**2),
        ("/api/v1/events/", FORM, 1024**2),
    ],
)
def test_each_call_of_the_api_has_its_own_limit(path: str, kind: str, largest: int) -> None:
    assert not is_refused(path, kind, f"Content-Length: {largest}")
    assert is_refused(path, kind, f"Content-Length: {largest + 1}")


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/v1/search/", f"{UPLOAD_PATH}token/"])
def test_other_pages_keep_their_limit(path: str) -> None:
    assert is_refused(path, f"Content-Length: {MORE}")
    assert not is_refused(path, "Content-Length: 1000")


def test_other_requests_keep_theirs() -> None:
    limits = Adjustments(max_request_body_size=1_000)
    first, second = Request(limits), Request(limits)
    first.received(
        f"POST {UPLOAD_PATH} HTTP/1.1\r\n{FORM}\r\nContent-Length: 5000\r\n\r\n".encode()
    )
    second.received(b"POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n")

    assert (first.cut_short, second.cut_short) == (False, True)
