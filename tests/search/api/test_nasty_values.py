"""No value in a URL or a form breaks a page or a call of the API."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest
from django.test import Client

from catalog.models import Product
from config.wsgi import application
from tests.search.conftest import DemoPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

FIELDS = ["q", "query", "example", "box", "category", "tag", "brand", "price_min", "price_max"]
FIELDS += ["in_stock", "sort", "offset", "image", "csrfmiddlewaretoken"]
PARAMETERS = ["q", "category", "tag", "brand", "price_min", "price_max", "in_stock", "sort"]
PARAMETERS += ["limit", "offset", "less_text", "less_product", "explain", "fold", "unknown"]
PATHS = ["/{}", "/{}/", "/search/photos/{}.jpg", "/products/{}/", "/examples/{}", "/media/{}"]
PATHS += ["/static/{}", "/admin/{}", "/admin/login/?next={}", "/api/{}", "/api/v1/{}/"]
PATHS += ["/api/v1/products/{}/", "/api/v1/products/{}/similar/", "/api/v1/search/{}/"]
PATHS += ["/api/v1/schema/?format={}", "/api/v1/schema/?lang={}", "/api/v1/index/?x={}"]
PATHS += ["/api/docs/?x={}", "/livez?x={}", "/readyz?x={}", "/metrics?name={}"]
HEADERS = ["Accept-Language", "Accept", "HX-Request", "HX-Current-URL", "Cookie", "Range"]
HEADERS += ["Origin", "If-Modified-Since", "If-None-Match", "Referer", "Authorization"]
VALUES = {  # as they stand in an address, already encoded
    "nothing": "",
    "blanks": "%20%09%0A",
    "NUL": "%00",
    "NUL inside": "a%00b",
    "half a surrogate pair": "%ED%A0%80",
    "no UTF-8": "%FF%FE%80",
    "cut UTF-8": "%F0%9F%AA",
    "half an escape": "%",
    "escaped twice": "%2500",
    "letters": "x%20y",
    "long": "x" * 5_000,
    "longer than an index": "%D1%8F" * 3_000,
    "negative": "-1",
    "fraction": "0.5",
    "huge": "9" * 400,
    "beyond 64 bits": str(2**63),
    "not a number": "NaN",
    "endless": "-Infinity",
    "exponent": "1e400",
    "digits of another script": "%D9%A1%D9%A2",
    "underscore": "1_000",
    "a dictionary": "%7B%22a%22%3A%5B1%5D%7D",
    "a format": "%25s%25(x)s%7B0%7D%7B%25%20url%20%25%7D",
    "SQL": "'%3B%20DROP%20TABLE%20catalog_product%3B--",
    "HTML": "%3Cscript%3Ealert(1)%3C/script%3E",
    "new line": "a%0D%0AX-Header%3A%20b",
    "path": "..%2F..%2Fetc%2Fpasswd",
    "address": "//evil.example/%5C",
    "marks": "%CC%81" * 300,
    "from right to left": "%E2%80%AEabc",
    "box": "0.1,0.1,0.5,0.5",
    "box of NaN": "nan,nan,nan,nan",
    "query id": "0123456789abcdef0123456789abcdef",
}
TELLING = ("nothing", "NUL", "half a surrogate pair", "letters", "long", "huge", "not a number")
CHARSETS = {  # codecs that Python has, and what some of them make half of a surrogate pair of
    "charset=utf-7": "%2B2AA-",
    "charset=unicode_escape": "%5Cud800",
    "charset=utf-16": "%00%D8",
    "charset=idna": "xn--a",
    "charset=undefined": "a",
    "charset=rot13": "a",
    "charset*=bogus''utf-8": "a",
    "charset*=idna''%FF": "a",
}
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://[bad%00/?query=\udcff"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def shopper() -> Client:
    """A client that returns the page of a 500 instead of raising the exception."""
    return Client(raise_request_exception=False)


@pytest.fixture
def values(long_run: bool) -> list[str]:
    """All of VALUES, or the TELLING ones."""
    return [value for name, value in VALUES.items() if long_run or name in TELLING]


def server_errors(responses: Iterator[tuple[str, Any]]) -> dict[str, int]:
    """Returns the statuses of the server errors by request."""
    return {request[:200]: r.status_code for request, r in responses if r.status_code >= 500}


def test_no_value_of_a_parameter_breaks_the_page(values: list[str], shopper: Client) -> None:
    def send_all() -> Iterator[tuple[str, Any]]:
        for name, value in product(FIELDS, values):
            address = f"/search/?q=lamp&{name}={value}"
            yield address, shopper.get(address)
            address = f"/search/?sort=bogus&{name}={value}"
            yield f"{address} by htmx", shopper.get(address, headers=HTMX)
        for value, headers in product(values, ({}, HTMX)):
            every = "&".join(f"{name}={value}" for name in FIELDS)
            for address in (f"/search/?{every}&{every}", f"/?{every}", f"/search/?{every}[]"):
                yield f"{address} {headers}", shopper.get(address, headers=headers)

    assert server_errors(send_all()) == {}


def test_no_value_in_a_form_breaks_the_page(values: list[str], shopper: Client) -> None:
    def send_all() -> Iterator[tuple[str, Any]]:
        for name, value in product(FIELDS, values):
            body, headers = f"sort=bogus&{name}={value}", HTMX if name > "m" else {}
            yield body, shopper.generic("POST", "/search/", body, FORM, headers=headers)
        for value in values:
            body = f"language={value}&next={value}"
            yield body, shopper.generic("POST", "/language/", body, FORM)

    assert server_errors(send_all()) == {}


def test_no_value_beside_a_photo_breaks_its_search(
    values: list[str], shopper: Client, photos: dict[str, DemoPhoto]
) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    photo = head % (b"image", b'; filename="a.jpg"') + photos["blends-antiquechair-0"].data

    def send_all() -> Iterator[tuple[str, Any]]:
        for value, address in product(values, ("/search/", "/api/v1/search/photo/")):
            for name in (b"query", b"box", b"image", b"offset"):
                field = head % (name, b"") + unquote_to_bytes(value)
                body = b"\r\n".join([field, photo, b"--x--\r\n"])
                sent = shopper.generic("POST", address, body, "multipart/form-data; boundary=x")
                yield f"{address} {name.decode()}={value}", sent

    assert server_errors(send_all()) == {}


def test_no_value_breaks_an_address(values: list[str], shopper: Client) -> None:
    def send_all() -> Iterator[tuple[str, Any]]:
        for path, value in product(PATHS, values):
            address = path.format(value)
            yield address, shopper.get(address)

    assert server_errors(send_all()) == {}


def test_no_value_of_a_parameter_breaks_a_call(values: list[str], shopper: Client) -> None:
    pk = Product.objects.all()[0].pk
    calls = ("products/?x=x", f"products/{pk}/?x=x", f"products/{pk}/similar/?fold=true")

    def send_all() -> Iterator[tuple[str, Any]]:
        for name, value in product(PARAMETERS, values):
            for call in (calls[0].removesuffix("x=x"), "search/text/?q=lamp&", f"{calls[2]}&"):
                address = f"/api/v1/{call}{name}={value}"
                yield address, shopper.get(address)
        for value in values:
            yield calls[1], shopper.get(f"/api/v1/products/{pk}/?x={value}")

    assert server_errors(send_all()) == {}


def test_no_header_breaks_an_answer(values: list[str], shopper: Client) -> None:
    def send_all() -> Iterator[tuple[str, Any]]:
        for name, value in product(HEADERS, values):
            for address in ("/search/?sort=bogus", "/api/v1/products/?limit=1"):
                for sent in (value, unquote(value, "latin-1")):
                    headers = {name: sent}
                    yield f"{address} {headers}", shopper.get(address, headers=headers)

    assert server_errors(send_all()) == {}


@pytest.mark.parametrize("parameter", CHARSETS)
def test_no_charset_breaks_an_answer(
    parameter: str, shopper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.test.client.WSGIRequest", application.request_class)
    value, field = CHARSETS[parameter], b'Content-Disposition: form-data; name="text"'
    bodies = {
        FORM: f"text={value}".encode(),
        "multipart/form-data; boundary=x": b"\r\n".join(
            [b"--x", field, b"", unquote_to_bytes(value), b"--x--", b""]
        ),
    }

    def send_all() -> Iterator[tuple[str, Any]]:
        for call in ("/?q=", "/search/?q=", "/api/v1/search/text/?q="):
            yield call, shopper.get(call + value, CONTENT_TYPE=f"a/b; {parameter}")
        for address in ("/search/", "/api/v1/search/photo/", "/language/", "/admin/login/"):
            for kind, body in bodies.items():
                sent = shopper.generic("POST", address, body, f"{kind}; {parameter}")
                yield f"{address} {kind}", sent

    assert server_errors(send_all()) == {}


@pytest.mark.parametrize("value", ["%00", "x%20y", "%FF", "a/b", "..", "%D0%AF", "%25"])
@pytest.mark.parametrize(
    ("language", "title"), [("en", "That did not work"), ("ru", "Не получилось")]
)
def test_the_page_reports_an_invalid_query_id(
    value: str, language: str, title: str, shopper: Client
) -> None:
    for address in (f"/search/?query={value}", f"/search/?query={value}&sort=bogus"):
        for headers in ({}, HTMX):
            response = shopper.get(address, headers={**headers, "Accept-Language": language})

            page = response.content.decode()
            assert 400 <= response.status_code < 500
            assert f"<h1>{title}</h1>" in page
            assert page.startswith("<!doctype html>") == (not headers)
