"""The search log and events, which never delay a search."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from catalog.api.request_origin import origin_of
from catalog.models import Event, LoggedSearch, Product, QuerySample
from indexing.clicks.click_rates import update_click_rates
from search.events.query_sample import keep_samples
from search.events.search_log import DROPPED, SearchLog, photo_path
from search.ranking.features import FEATURES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Search = Callable[..., dict[str, Any]]
LAMP = "scopia-living-lamp-2"


@pytest.fixture(autouse=True)
def _no_events(db: None) -> None:
    """Deletes the events that browser tests have left."""
    Event.objects.all().delete()


def dropped() -> float:
    return DROPPED._value.get()


def test_a_search_is_logged_with_its_results_and_their_features(
    log: SearchLog, by_photo: Search
) -> None:
    answer = by_photo(LAMP, limit=5, offset=5, in_stock=True)

    log.flush()

    logged = LoggedSearch.objects.get()
    assert logged.query_id == answer["query"]["id"]
    assert logged.products == [result["product"]["id"] for result in answer["results"]]
    assert (logged.kind, logged.offset, logged.filtered, logged.sort) == (
        "photo",
        5,
        True,
        "relevance",
    )
    assert logged.generation_id == answer["generation"]["id"]
    assert logged.timings_ms == answer["timings_ms"]
    assert [set(features) for features in logged.features] == [set(FEATURES)] * 5


def test_a_sample_of_photos_is_kept_as_vectors(log: SearchLog, by_photo: Search) -> None:
    first = by_photo(LAMP)
    by_photo(LAMP, text="red")  # words move the vector
    by_photo(LAMP, offset=24)  # belongs to a search that counts already

    log.flush()

    sample = QuerySample.objects.get()
    assert sample.query_id == first["query"]["id"]
    length = sum(number**2 for number in sample.vector)
    assert length == pytest.approx(1, abs=0.01)


def test_each_slot_of_a_day_keeps_the_search_with_the_least_id(db: None) -> None:
    ids = ["0000000000000002", "0000000000000001", "0000000000000003"]  # all of slot 0

    for query_id in ids:
        vector = [1.0, float(query_id[-1])]
        row = QuerySample(day=date(2026, 5, 4), slot=0, query_id=query_id, encoder_id=1)
        row.vector = vector
        keep_samples([row])

    sample = QuerySample.objects.get()
    assert sample.query_id == ids[1]
    assert list(sample.vector) == [1.0, 1.0]


def test_searches_leave_writing_to_the_log(
    log: SearchLog, by_photo: Search, django_assert_num_queries: Any
) -> None:
    by_photo(LAMP)

    origin_of("192.0.2.1")  # reads the key of the day
    with django_assert_num_queries(2):  # many entries, and many samples, in one statement each
        log.flush()
    assert LoggedSearch.objects.count() == 1


def test_a_full_queue_drops_entries_and_counts_them(
    use_log: Callable[..., SearchLog], by_photo: Search
) -> None:
    log = use_log(max_queued=1)
    before = dropped()

    for _ in range(3):
        assert by_photo(LAMP)["results"]
    log.flush()

    assert LoggedSearch.objects.count() == 1
    assert dropped() - before == 2


def test_entries_are_dropped_and_counted_without_a_database(
    log: SearchLog, by_photo: Search, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("away")

    by_photo(LAMP)
    before = dropped()
    monkeypatch.setattr(LoggedSearch.objects, "bulk_create", fail)

    log.flush()

    assert dropped() - before == 1
    assert b"vitrina_search_log_dropped_total" in client.get("/metrics").content


def test_photos_are_logged_only_if_enabled(
    log: SearchLog, by_photo: Search, settings: Any, photos: Any
) -> None:
    without = by_photo(LAMP)["query"]["id"]
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    kept = by_photo(LAMP)["query"]["id"]

    log.flush()

    assert not photo_path(without).exists()
    assert photo_path(kept).read_bytes() == photos[LAMP].data
    assert photo_path(kept).parent.stat().st_mode & 0o077 == 0


def test_queued_photos_have_a_memory_limit(
    use_log: Callable[..., SearchLog], by_photo: Search, settings: Any, photos: Any
) -> None:
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    log = use_log(max_queued_bytes=len(photos[LAMP].data))

    first, second = (by_photo(LAMP)["query"]["id"] for _ in range(2))
    log.flush()
    third = by_photo(LAMP)["query"]["id"]
    log.flush()

    assert LoggedSearch.objects.count() == 3
    assert [photo_path(name).exists() for name in (first, second, third)] == [True, False, True]


def test_searches_are_not_logged_if_the_log_keeps_no_days(
    log: SearchLog, by_photo: Search, settings: Any
) -> None:
    settings.SEARCH_LOG_DAYS = 0
    by_photo(LAMP)

    log.flush()

    assert not LoggedSearch.objects.exists()


def send(client: Client, body: Any, **options: Any) -> Any:
    return client.post("/api/v1/events/", body, content_type="application/json", **options)


def counts(accepted: int, unknown: int = 0, repeated: int = 0, declined: int = 0) -> dict[str, int]:
    return {
        "accepted": accepted,
        "unknown": unknown,
        "repeated": repeated,
        "declined": declined,
    }


def test_events_are_accepted_by_id_and_by_sku(client: Client) -> None:
    product = Product.objects.all()[0]
    events = [
        {"type": "click", "product": product.pk, "session": "s", "query": "a" * 32},
        {"type": "purchase", "sku": product.sku, "user": "u", "at": "2026-01-02T03:04:05Z"},
        {"type": "view", "product": 2**62, "session": "s"},
        {"type": "view", "sku": "no such", "session": "s"},
    ]

    response = send(client, events)

    assert (response.status_code, response.json()) == (202, counts(2, 2))
    purchase, click = Event.objects.all()
    assert (click.type, click.product_id, click.query_id) == ("click", product.pk, "a" * 32)
    assert (purchase.user, purchase.at.year) == ("u", 2026)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "bought"}, "type"),
        ({"product": 0}, "product"),
        ({"product": "x"}, "product"),
        ({"sku": "also"}, "either product or sku"),
        ({"product": None}, "product"),
        ({"session": ""}, "session"),
        ({"query": "../../etc"}, "query"),
        ({"at": "2999-01-01T00:00:00Z"}, "future"),
        ({"at": "soon"}, "at"),
        ({"session": "x" * 101}, "session"),
    ],
)
def test_an_invalid_event_is_refused_with_the_reason(
    change: dict[str, Any], named: str, client: Client, check_problem: Any
) -> None:
    event = {"type": "click", "product": 1, "session": "s", **change}

    body = check_problem(send(client, [event]), 400, "parameter_invalid")

    assert named in body["detail"]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{}", "[1]", "not json", "null", '{"events": 1}', '{"events": {"0": {}}}'),
        *("[" * 100_000, '[{"type": 1e999}]', b"\xff[]", '[{"session": "\\ud800"}]'),
    ],
)
def test_a_body_without_a_list_of_events_is_refused(
    body: str | bytes, client: Client, check_problem: Any
) -> None:
    check_problem(send(client, body), 400, "parameter_invalid")


def test_the_error_names_the_invalid_event(client: Client, check_problem: Any) -> None:
    right = {"type": "click", "product": 1, "session": "s"}

    body = check_problem(send(client, [right, {**right, "type": "x"}]), 400, "parameter_invalid")

    assert body["detail"].startswith("events: 1: type: ")


def test_a_body_above_one_megabyte_is_refused(client: Client, check_problem: Any) -> None:
    body = "[" + " " * 1024**2 + "]"

    assert "1 MB" in check_problem(send(client, body), 413, "parameter_invalid")["detail"]


def test_a_call_with_too_many_events_is_refused_completely(
    client: Client, check_problem: Any
) -> None:
    event = {"type": "click", "product": Product.objects.all()[0].pk, "session": "s"}

    assert send(client, [event] * 500).status_code == 202
    check_problem(send(client, [event] * 501), 400, "parameter_invalid")
    assert Event.objects.count() == 500


def test_every_card_carries_the_id_of_its_search(client: Client, photos: Any) -> None:
    sent = {"image": BytesIO(photos[LAMP].data)}
    page = client.post("/search/", sent, follow=True).content.decode()

    assert page.count('data-search="') == page.count('class="card"') > 20
    assert 'data-search=""' not in page


def test_clicks_raise_the_click_rate_of_a_product(
    log: SearchLog, by_photo: Search, client: Client
) -> None:
    # Given thirty shoppers in thirty minutes who open the same one of five results.
    for shopper in range(30):
        headers = {"X-Forwarded-For": f"203.0.113.{shopper}"}
        answer = by_photo(LAMP, headers=headers, limit=5)
        opened = answer["results"][3]["product"]["id"]
        event = {"type": "click", "product": opened, "query": answer["query"]["id"]}
        sent = send(client, [{**event, "session": f"s{shopper}"}], headers=headers)
        assert sent.status_code == 202
    log.flush()
    for minutes, search in enumerate(LoggedSearch.objects.all()):
        search.at -= timedelta(minutes=minutes)
        search.save()

    update_click_rates()

    by_photo(LAMP, limit=5)
    log.flush()
    latest = LoggedSearch.objects.order_by("at").last()
    assert latest is not None
    rates = {
        product: features["clicks"]
        for product, features in zip(latest.products, latest.features, strict=True)
    }
    assert rates.pop(opened) > 0.6
    assert max(rates.values()) <= 0.5
    assert len(rates) == 4
