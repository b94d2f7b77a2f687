"""JSON with strings that are not valid Unicode is refused with a sentence, never with a 500."""

import json
from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

HALF = "\ud800"
EVENT = {"type": "click", "product": 1, "session": "s"}
WITH_SKU = {"type": "click", "sku": "s", "session": "s"}
BODIES: list[Any] = [
    *({**EVENT, name: HALF} for name in ("type", "session", "user", "query", "at", "product")),
    {**EVENT, "session": "\udfff"},
    {**EVENT, "session": "\udc00\ud800"},  # a surrogate pair in the wrong order
    {**EVENT, HALF: 1},
    {**EVENT, "more": [{"deep": {HALF: [HALF]}}]},
    {**WITH_SKU, "sku": f"a{HALF}b"},
    HALF,
]


@pytest.fixture
def visitor() -> Client:
    """A client that returns the page of a 500 instead of raising the exception."""
    return Client(raise_request_exception=False)


def send(client: Client, body: str | bytes, content_type: str = "application/json") -> Any:
    return client.generic("POST", "/api/v1/events/", body, content_type=content_type)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("event", BODIES, ids=repr)
def test_half_a_surrogate_pair_is_refused(
    event: Any, whole: bool, visitor: Client, check_problem: Any
) -> None:
    body = json.dumps({"events": [event], HALF: 1} if whole else [event])

    problem = check_problem(send(visitor, body), 400, "parameter_invalid")

    assert "surrogate pair" in problem["detail"]


@pytest.mark.parametrize("key", ["type", "session"])
def test_json_of_any_depth_is_refused(key: str, visitor: Client) -> None:
    statuses = {}
    for depth in [*range(1, 20), *range(700, 1000)]:
        nested = f'{{"{key}": {"[" * depth}{"]" * depth}}}'
        statuses[depth] = send(visitor, f"[{nested}]").status_code

    assert {depth: status for depth, status in statuses.items() if status not in (400, 429)} == {}


def test_a_complete_surrogate_pair_is_accepted(visitor: Client) -> None:
    body = json.dumps([{**WITH_SKU, "sku": "🪑", "session": "🙂"}])
    assert "\\ud83e" in body

    assert send(visitor, body).json() == {"accepted": 0, "unknown": 1, "repeated": 0, "declined": 0}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        # UTF-7 encodes half of a surrogate pair without a JSON escape.
        (b'[{"type": "+2AA-", "product": 1}]', "application/json; charset=utf-7"),
        (b'[{"type": "\xed\xa0\x80", "product": 1}]', "application/json"),
        (b'[{"type": NaN}]', "application/json"),
        (b'[{"type": "click", "product": 1%s}]' % (b"0" * 5_000), "application/json"),
    ],
)
def test_invalid_json_is_refused(
    body: bytes, content_type: str, visitor: Client, check_problem: Any
) -> None:
    check_problem(send(visitor, body, content_type), 400, "parameter_invalid")


def test_half_a_surrogate_pair_in_a_form_is_refused(
    visitor: Client, photos: Any, check_problem: Any
) -> None:
    # UTF-7 in a form encodes half of a surrogate pair in ASCII letters, too.
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    image = part % (b"image", b'; filename="i"', photos["scopia-living-lamp-2"].data)
    for name in (b"text", b"less_text", b"brand", b"category", b"sort", b"box", b"query"):
        response = visitor.generic(
            "POST",
            "/api/v1/search/photo/",
            image + part % (name, b"", b"+2AA-") + b"--x--\r\n",
            content_type="multipart/form-data; boundary=x; charset=utf-7",
        )
        check_problem(response, 400, "parameter_invalid")
