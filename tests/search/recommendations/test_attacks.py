"""Strangers who try to read, delete or overload histories that are not theirs."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.models import Event
from search.recommendations.recent_history import MAX_EVENTS, read_recent

pytestmark = pytest.mark.django_db

URL, EVENTS = "/api/v1/recommendations/", "/api/v1/events/"
SESSION = "0123456789abcdef0123456789abcdef"
OWN_PAGE = "https://shop.example"


def happen(product: int, **who: str) -> None:
    Event.objects.create(type="view", product_id=product, at=timezone.now(), **who)


@pytest.fixture
def keys() -> dict[str, dict[str, str]]:
    """Headers of callers that may not read the history of a user."""
    _, public = create_key("page", ["search", "events"], "test", origins=[OWN_PAGE])
    return {
        "none": {},
        "publishable": {"Authorization": f"Bearer {public}", "Origin": OWN_PAGE},
    }


@pytest.mark.parametrize("kind", ["none", "publishable"])
@pytest.mark.parametrize(
    "sender",
    [
        {"user": "anna"},
        {"user": "u" * 100},
        {"user": "%"},
        {"session": "short"},
        {"session": "0" * 19},
        {"session": "' OR true --"},
    ],
)
def test_only_a_secret_key_reads_or_deletes_what_could_be_guessed(
    shop: list[int],
    client: Client,
    keys: dict[str, dict[str, str]],
    kind: str,
    sender: dict[str, str],
    check_problem: Any,
) -> None:
    happen(shop[3], **sender)

    for answer in (
        client.get(URL, sender, headers=keys[kind]),
        client.delete(f"{EVENTS}?{next(iter(sender))}=x", headers=keys[kind]),
    ):
        check_problem(answer, 403, "permission_denied")
    assert Event.objects.filter(**sender).count() == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer nonsense", 401), ("Bearer", 401), ("Basic YTpi", 403), ("Bearer " + "x" * 5000, 401)],
)
def test_a_wrong_key_reads_nothing(
    shop: list[int], client: Client, header: str, status: int
) -> None:
    happen(shop[3], user="anna")

    answer = client.get(URL, {"user": "anna"}, headers={"Authorization": header})

    assert answer.status_code == status
    assert b"Thing" not in answer.content


def test_a_key_of_another_scope_reads_nothing(
    shop: list[int], client: Client, check_problem: Any
) -> None:
    happen(shop[3], user="anna")
    _, key = create_key("events only", ["events"], "test")

    answer = client.get(URL, {"user": "anna"}, headers={"Authorization": f"Bearer {key}"})

    check_problem(answer, 403, "permission_denied")


def test_unknown_and_other_sessions_answer_alike(shop: list[int], client: Client) -> None:
    """A guess that is wrong gets what strangers get, so it tells nothing."""
    happen(shop[3], session=SESSION)

    strangers = client.get(URL).json()["results"]

    for guess in (uuid.uuid4().hex, SESSION[:-1] + "0", SESSION.upper()):
        assert client.get(URL, {"session": guess}).json()["results"] == strangers


@pytest.mark.parametrize(
    "session", ["x" * 101, "a" * 50_000, "\x00" * 30, "\ud83d" * 30, "a\nb" * 10, "‮" * 30]
)
def test_strange_sessions_are_refused_or_strangers(
    shop: list[int], client: Client, session: str
) -> None:
    for answer in (
        client.get(URL, {"session": session.encode("utf-8", "surrogatepass")}),
        client.get(URL, {"user": session.encode("utf-8", "surrogatepass")}),
    ):
        kinds = {r["because"]["kind"] for r in answer.json().get("results", ())}
        assert answer.status_code in (400, 403) or kinds == {"popular", "new"}


def test_a_session_of_thousands_of_events_costs_no_more_than_its_latest(
    shop: list[int], client: Client, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    Event.objects.insert_once(
        [
            Event(
                type=("view", "cart", "wrong")[n % 3],
                product_id=shop[n % len(shop)] if n < 5_000 else 10**12 + n,
                session=SESSION,
                at=now - timedelta(seconds=n),
            )
            for n in range(10_000)
        ]
    )

    with django_assert_max_num_queries(16):
        answer = client.get(URL, {"session": SESSION})

    assert answer.status_code == 200
    assert len(read_recent(session=SESSION).products) <= MAX_EVENTS
