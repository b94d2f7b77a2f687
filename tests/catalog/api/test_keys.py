"""Keys of the API: made once, stored as digests, expiring, revocable, and limited."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import KeyRefused, create_key, read_origin
from catalog.api.call_limits import charge_address
from catalog.models import ApiKey, AuditEntry, EventAllowance
from tests.catalog.api.waiting import waiting_statements
from tests.support.processes import wait_until

pytestmark = pytest.mark.django_db

LIST = "/api/v1/products/"
SHOP = "https://shop.example"


def bearing(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **more}


def command(*words: str) -> str:
    out = StringIO()
    call_command("api_keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture(autouse=True)
def _no_calls_yet() -> None:
    EventAllowance.objects.all().delete()


def test_a_key_is_printed_once_and_stored_as_a_digest() -> None:
    key = command("create", "Mobile app", "--scope", "search", "--scope", "events").strip()

    row = ApiKey.objects.get()
    assert re.fullmatch(r"vs_[\w-]{43}", key)
    assert row.scopes == ["search", "events"]
    assert row.beginning == key[:9]
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM catalog_apikey t")
        assert key not in cursor.fetchone()[0]
    assert key not in command("list")
    assert AuditEntry.objects.get(action="add").detail == "Mobile app"
    assert key not in repr(list(AuditEntry.objects.values()))


def test_a_key_that_is_revoked_by_the_command_is_refused_at_once(client: Client) -> None:
    key = command("create", "Server", "--scope", "search", "--days", "30").strip()
    assert client.get(LIST, headers=bearing(key)).status_code == 200

    command("revoke", str(ApiKey.objects.get().pk))

    refused = client.get(LIST, headers=bearing(key))
    assert refused.status_code == 401
    assert refused.json()["detail"] == "This key is revoked."
    assert "revoked" in command("list")


def test_a_call_without_a_key_that_it_needs_is_told_so(client: Client, check_problem: Any) -> None:
    refused = client.post("/api/v1/products/import/", {}, "application/json")

    assert "This call needs a key" in check_problem(refused, 401, "not_authenticated")["detail"]
    assert refused["WWW-Authenticate"] == "Bearer"


def test_a_key_shows_when_it_was_last_used(client: Client) -> None:
    row, key = create_key("Server", ["search"], "anna")
    assert row.last_used_at is None

    client.get(LIST, headers=bearing(key))

    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    assert timezone.now() - first < timedelta(minutes=1)
    client.get(LIST, headers=bearing(key))  # within the minute
    row.refresh_from_db()
    assert row.last_used_at == first


@pytest.mark.parametrize(
    "words",
    [
        ("create", "x", "--scope", "index", "--origin", SHOP),
        ("create", "x", "--scope", "search", "--origin", "*"),
        ("create", "x", "--scope", "search", "--origin", "null"),
        ("create", "x", "--scope", "search", "--days", "0"),
        ("create", "x", "--scope", "search", "--calls-per-minute", "0"),
        ("create", " ", "--scope", "search"),
        ("create", "x", "--scope", "everything"),
        ("revoke", "12345"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"\w+ \w+"):
        command(*words)

    assert not ApiKey.objects.exists()


def test_the_database_too_refuses_a_publishable_key_that_may_write() -> None:
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(name="x", kind="publishable", scopes=["catalog"], digest="0")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://Shop.example/", SHOP),
        ("https://shop.example:443", SHOP),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_origins_are_stored_as_browsers_send_them(written: str, read: str) -> None:
    assert read_origin(written) == read


@pytest.mark.parametrize(
    "text", ["", "shop.example", "https://", "https://a/b", "ftp://a", "https://a:b", "https://*.a"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused, match=r"such as https://shop\.example"):
        read_origin(text)


def test_an_address_is_limited_and_told_how_much_is_left(
    client: Client, settings: Any, check_problem: Any
) -> None:
    settings.CALLS_PER_ADDRESS = 3

    answers = [client.get(LIST, REMOTE_ADDR="192.0.2.1") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer["RateLimit-Limit"] for answer in answers} == {"3"}
    check_problem(answers[-1], 429, "throttled")
    assert 1 <= int(answers[-1]["Retry-After"]) <= 20
    assert 0 <= int(answers[-1]["RateLimit-Reset"]) <= 60
    assert client.get(LIST, REMOTE_ADDR="192.0.2.2").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_of_two_calls_at_once_is_told_when_to_come_again() -> None:
    address = "192.0.2.1"
    charge_address(address, 2)

    def charge() -> float:
        try:
            return charge_address(address, 2).wait_s
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            assert charge_address(address, 2).wait_s == 0
            second = threads.submit(charge)  # it begins before the limit is used up
            wait_until(lambda: waiting_statements() == 1)
        assert 0 < second.result(30) <= 30


def test_a_forged_address_gains_nothing(client: Client, settings: Any) -> None:
    settings.CALLS_PER_ADDRESS = 2

    statuses = [
        client.get(
            LIST, REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": f"198.51.100.{number}"}
        ).status_code
        for number in range(3)
    ]

    assert statuses == [200, 200, 429]


def test_a_secret_key_has_a_limit_of_its_own_whatever_its_address(
    client: Client, settings: Any
) -> None:
    settings.CALLS_PER_ADDRESS = 1
    settings.CALLS_PER_KEY = 5
    _, usual = create_key("usual", ["search"], "anna")
    _, small = create_key("small", ["search"], "anna", calls_per_minute=2)

    for key, allowed in ((usual, 5), (small, 2)):
        statuses = [client.get(LIST, headers=bearing(key)).status_code for _ in range(allowed + 1)]
        assert statuses == [200] * allowed + [429]


def test_nobody_can_use_up_a_publishable_key_for_all(client: Client, settings: Any) -> None:
    settings.CALLS_PER_ADDRESS = 2
    _, key = create_key("shop", ["search"], "anna", origins=[SHOP])
    sent = bearing(key, Origin=SHOP)

    flood = [client.get(LIST, REMOTE_ADDR="192.0.2.1", headers=sent) for _ in range(3)]

    assert [answer.status_code for answer in flood] == [200, 200, 429]
    assert flood[-1]["Access-Control-Allow-Origin"] == SHOP  # the page reads Retry-After
    assert "Retry-After" in flood[-1]["Access-Control-Expose-Headers"]
    assert client.get(LIST, REMOTE_ADDR="192.0.2.2", headers=sent).status_code == 200


def test_guesses_of_keys_are_limited(client: Client, settings: Any) -> None:
    settings.CALLS_PER_ADDRESS = 2

    statuses = [client.get(LIST, headers=bearing(f"vs_{n}")).status_code for n in range(3)]

    assert statuses == [401, 401, 429]


def test_the_password_of_a_proxy_is_not_a_key(client: Client) -> None:
    assert client.get(LIST, headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_every_answer_has_its_time(client: Client) -> None:
    for answer in (client.get(LIST), client.get(LIST, {"limit": "x"}), client.post(LIST)):
        assert re.search(r"total;dur=[0-9.]+", answer["Server-Timing"]), answer.status_code


def test_limits_of_zero_limit_nothing(client: Client, settings: Any) -> None:
    settings.CALLS_PER_ADDRESS = settings.CALLS_PER_KEY = 0

    answer = client.get(LIST)

    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer
    assert not EventAllowance.objects.exists()


def test_pages_are_closed_with_the_search(client: Client, settings: Any) -> None:
    settings.SEARCH_OPEN = False

    for path in ("/", "/search/?q=lamp", "/products/1/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/?next=/")
    assert client.get("/livez").status_code == 200
