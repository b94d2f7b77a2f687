"""The API answers every invalid request with a problem: a code and a sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from catalog.models import Generation, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

PHOTO = "/api/v1/search/photo/"
TEXT = "/api/v1/search/text/"

Check = Callable[[Any, int, str], dict[str, Any]]


@pytest.mark.parametrize(
    "box",
    [
        "0,0,1",
        "0,0,1,1,1",
        "a,b,c,d",
        "",
        "0 0 1 1",
        "nan,0,1,1",
        "0,0,inf,1",
        "1e400,0,1,1",
        "-0.1,0,1,1",
        "0.5,0.5,0.6,0.2",
        "0.5,0.5,0.2,0.6",
        "0.2,0.2,0,0.3",
        "0.2,0.2,0.3,0",
        "0.2,0.2,-0.1,0.3",
        "10,10,200,200",
    ],
)
def test_a_box_outside_the_photo_is_refused(
    box: str, send: Callable[..., Any], check_problem: Check
) -> None:
    body = check_problem(send(box=box), 400, "box_invalid")

    assert "x,y,w,h" in body["detail"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("limit", value) for value in ("0", "-1", "101", "many", "1.5", "9" * 5000, "")],
        *[("offset", value) for value in ("-1", "5001", "NaN", "9" * 30)],
        *[("sort", value) for value in ("cheapest", "", "price; DROP TABLE")],
        *[("price_min", value) for value in ("NaN", "Infinity", "-1", "1e400", "dear", "9" * 2000)],
        *[("price_max", value) for value in ("-Infinity", "1.234", "12345678901234")],
        *[("in_stock", value) for value in ("perhaps", "2")],
        *[("less_product", value) for value in ("0", "-5", "abc", str(2**63), "9" * 3000)],
        *[("explain", value) for value in ("why",)],
        *[("colour", value) for value in ("red",)],
        *[(name, "a\0b") for name in ("text", "less_text", "query", "category", "tag", "brand")],
        *[(name, "x" * 501) for name in ("text", "less_text", "query", "category", "tag", "brand")],
    ],
)
def test_an_invalid_parameter_is_refused_by_its_name(
    name: str, value: str, send: Callable[..., Any], check_problem: Check
) -> None:
    body = check_problem(send(**{name: value}), 400, "parameter_invalid")

    assert name in body["detail"]


@pytest.mark.parametrize("name", ["limit", "sort", "text", "box"])
def test_a_parameter_given_twice_is_refused(
    name: str, send: Callable[..., Any], check_problem: Check
) -> None:
    body = check_problem(send(**{name: ["0,0,1,1", "0,0,1,1"]}), 400, "parameter_invalid")

    assert name in body["detail"]


def test_thousands_of_parameters_are_refused(visitor: Client, check_problem: Check) -> None:
    query = "&".join(f"tag=t{n}" for n in range(2000))

    check_problem(visitor.get(f"{TEXT}?q=lamp&{query}"), 400, "parameter_invalid")
    check_problem(
        visitor.post(PHOTO, {f"f{n}": "x" for n in range(2000)}), 400, "parameter_invalid"
    )


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "multipart/form-data", 400),
        (b"--x\r\nnot a part", "multipart/form-data; boundary=x", 400),
        (b"random \xff\xfe bytes", "multipart/form-data; boundary=x", 400),
        (b"--x\r\n", "multipart/form-data; boundary=\xe9", 400),
        (b"{}", "application/json", 415),
        (b"{}", "", 415),
        (b"{}", "no such type", 415),
        (b"image=abc", "application/x-www-form-urlencoded", 400),
    ],
)
def test_a_body_that_is_not_a_form_is_refused(
    body: bytes, content_type: str, status: int, visitor: Client
) -> None:
    response = visitor.generic("POST", PHOTO, body, content_type)

    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["code"] in {"image_missing", "parameter_invalid"}
    assert problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PHOTO, "POST"),
        ("DELETE", PHOTO, "POST"),
        ("POST", TEXT, "GET"),
        ("PUT", "/api/v1/products/", "GET"),
        ("PATCH", "/api/v1/products/1/", "GET"),
        ("POST", "/api/v1/index/", "GET"),
    ],
)
def test_an_unsupported_method_is_refused(
    method: str, path: str, allowed: str, visitor: Client, check_problem: Check
) -> None:
    response = visitor.generic(method, path)

    check_problem(response, 405, "parameter_invalid")
    assert allowed in response["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/search/photo/",
        "/api/v1/search/photo",
        "/api/v1/products/abc/",
        "/api/v1/products/-1/",
        f"/api/v1/products/{2**64}/",
        f"/api/v1/products/{2**64}/similar/",
        "/api/v1/products/%FF%FE/",
        "/api/v1/products/1%00/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_answered_in_json(
    method: str, path: str, visitor: Client, check_problem: Check
) -> None:
    check_problem(visitor.generic(method, path), 404, "not_found")


@pytest.mark.parametrize("path", ["0/", f"{10**18 - 1}/", "0/similar/", f"{10**18 - 1}/similar/"])
def test_a_missing_product_is_answered_in_json(
    path: str, visitor: Client, check_problem: Check
) -> None:
    check_problem(visitor.get(f"/api/v1/products/{path}"), 404, "not_found")


def test_a_hidden_product_has_no_address(visitor: Client, check_problem: Check) -> None:
    product = Product.objects.all()[0]
    Product.objects.filter(pk=product.pk).update(is_visible=False)

    check_problem(visitor.get(f"/api/v1/products/{product.pk}/"), 404, "not_found")
    check_problem(visitor.get(f"/api/v1/products/{product.pk}/similar/"), 404, "not_found")


def test_moving_away_from_a_missing_product_is_refused(
    send: Callable[..., Any], check_problem: Check
) -> None:
    check_problem(send(less_product=str(2**63 - 1)), 404, "not_found")


@pytest.mark.parametrize(
    "query",
    ["", "q=", "q=%20", "q=lamp&colour=red", "q=a%00b", f"q={'x' * 501}", "q=a&q=b", "text=lamp"],
)
def test_a_text_search_needs_words_and_known_parameters(
    query: str, visitor: Client, check_problem: Check
) -> None:
    check_problem(visitor.get(f"{TEXT}?{query}"), 400, "parameter_invalid")


@pytest.mark.parametrize(
    "query",
    [
        "%FF%FE",
        "%ED%A0%80",
        "!!!",
        "the",
        "%F0%9F%AA%91",
        "it's%20%26%20%7C%20!%20(a)%20%3A*%20%5C%20'",
        "http://shop.example/a%26b?c=d%26e",
        "a%26amp%3Bb",
        "%25%5F%7B0%7D%s",
        "x" * 500,
        "%CC%81" * 200,
    ],
)
def test_unusual_words_are_searched_for(
    query: str, visitor: Client, check_answer: Callable[[Any], None]
) -> None:
    response = visitor.get(f"{TEXT}?q={query}")

    assert response.status_code == 200
    check_answer(response.json())


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "image/*"])
def test_formats_other_than_json_are_refused(
    accept: str, visitor: Client, check_problem: Check
) -> None:
    response = visitor.get("/api/v1/products/", headers={"Accept": accept})

    check_problem(response, 406, "parameter_invalid")


def test_searches_without_an_index_are_unavailable(
    send: Callable[..., Any], visitor: Client, check_problem: Check
) -> None:
    Generation.objects.filter(state="live").update(state="retired")

    for response in (send(), visitor.get(TEXT, {"q": "lamp"})):
        check_problem(response, 503, "index_not_ready")
        assert int(response["Retry-After"]) > 0
    assert visitor.get("/api/v1/products/").status_code == 200
