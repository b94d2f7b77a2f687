"""The number of events of an address and of a session is limited, not only the number of calls."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from catalog.api.request_origin import _key, origin_of
from catalog.models import Event, EventAllowance, OriginKey, Product
from search.events.limits import BUCKETS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_events() -> None:
    """Deletes all events and allowances."""
    EventAllowance.objects.all().delete()
    Event.objects.all().delete()


@pytest.fixture
def product() -> Product:
    return Product.objects.create(sku="limited", title="Limited")


def send(client: Client, product: Product, sessions: list[str], address: str = "192.0.2.1") -> Any:
    events = [{"type": "view", "product": product.pk, "session": session} for session in sessions]
    return client.post(
        "/api/v1/events/", {"events": events}, "application/json", REMOTE_ADDR=address
    )


def make_names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_an_address_is_limited_whatever_its_sessions(
    client: Client, product: Product, settings: Any, check_problem: Any
) -> None:
    settings.EVENTS_PER_ADDRESS = 100
    assert send(client, product, make_names("a", 60)).status_code == 202

    refused = send(client, product, make_names("b", 60))  # of new sessions

    body = check_problem(refused, 429, "throttled")
    assert body["title"] == "Too many requests"
    assert 10 <= int(refused["Retry-After"]) <= 12  # until 20 more are allowed, at 100 a minute
    assert Event.objects.count() == 60
    assert send(client, product, make_names("c", 40)).status_code == 202  # refusals cost nothing
    assert send(client, product, make_names("d", 60), "192.0.2.2").status_code == 202


def test_events_are_accepted_again_after_retry_after(
    client: Client, product: Product, settings: Any
) -> None:
    settings.EVENTS_PER_ADDRESS = 100
    send(client, product, make_names("a", 100))
    wait = int(send(client, product, make_names("b", 50))["Retry-After"])

    EventAllowance.objects.update(spent_until=F("spent_until") - timedelta(seconds=wait))

    assert send(client, product, make_names("b", 50)).status_code == 202
    assert send(client, product, make_names("b", 5)).status_code == 429


def test_a_session_is_limited_whatever_its_addresses(
    client: Client, product: Product, settings: Any, check_problem: Any
) -> None:
    settings.EVENTS_PER_SESSION = 50
    for number in range(5):
        assert send(client, product, ["s"] * 10, f"192.0.2.{number}").status_code == 202

    check_problem(send(client, product, ["s"], "192.0.2.9"), 429, "throttled")
    assert send(client, product, ["t"], "192.0.2.9").status_code == 202


def test_invalid_calls_count_towards_the_limit(
    client: Client, settings: Any, check_problem: Any
) -> None:
    settings.EVENTS_PER_ADDRESS = 10
    for body in ("[]", "{}", '[{"type": "bought"}]') * 3 + ("null",):
        check_problem(
            client.post("/api/v1/events/", body, "application/json"), 400, "parameter_invalid"
        )

    check_problem(client.post("/api/v1/events/", "{}", "application/json"), 429, "throttled")


def test_charging_events_takes_one_statement(
    client: Client, product: Product, django_assert_num_queries: Any
) -> None:
    origin_of("192.0.2.1")  # reads the key of the day
    # A savepoint, the charge of the events, its release; the product; events.
    with django_assert_num_queries(5):
        send(client, product, make_names("a", 500))


def test_the_table_of_allowances_has_a_maximum_size(
    client: Client, product: Product, settings: Any
) -> None:
    settings.EVENTS_PER_ADDRESS = 1_000_000

    send(client, product, make_names("a", 500))
    send(client, product, make_names("b", 500))

    assert EventAllowance.objects.count() <= 1_001
    buckets = set(EventAllowance.objects.values_list("bucket", flat=True))
    assert buckets <= set(range(3 * BUCKETS))


def test_only_a_daily_hash_of_an_address_is_stored(client: Client, product: Product) -> None:
    send(client, product, ["s"], "192.0.2.77")
    send(client, product, ["s"], "192.0.2.78")

    first, second = Event.objects.order_by("pk").values_list("origin", flat=True)
    assert len(first) == 16
    assert first != second
    assert "192.0.2.77" not in repr(list(Event.objects.values()))


def test_a_new_day_replaces_the_origin_key() -> None:
    _key.cache_clear()
    today, yesterday = date(2026, 5, 2), date(2026, 5, 1)
    old = _key(yesterday)
    assert _key(yesterday) == old

    new = _key(today)

    assert new != old
    assert list(OriginKey.objects.filter(day__lte=today).values_list("day")) == [(today,)]
    _key.cache_clear()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1200::1", "2001:db8:0:12ff:a:b:c:d", True),
        ("2001:db8:0:1200::1", "2001:db8:0:1300::1", False),
    ],
)
def test_addresses_of_one_network_share_an_origin(first: str, second: str, same: bool) -> None:
    assert (origin_of(first) == origin_of(second)) is same
    assert origin_of("no address") == ""
