"""Clicks count once for each origin, sender, product and day, only on shown results, and not in a
burst."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import ClickBurst, ClickRate, Event, LoggedSearch, OriginKey
from indexing.clicks.click_model import MAX_PAGES_PER_ORIGIN, read_pages
from indexing.clicks.click_rates import update_click_rates
from indexing.clicks.counted_clicks import create_reported_clicks
from indexing.clicks.log_retention import delete_old_searches
from indexing.tasks import learn_from_clicks
from tests.indexing.clicks.shoppers import FEATURES, make_search

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=20)
SHOWN = list(range(1, 13))
ROWS = np.full((len(SHOWN), len(FEATURES)), 0.5)


@pytest.fixture(autouse=True)
def _kept(settings: Any, tmp_path: Any) -> None:
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path


class Shop:
    """Writes a search log, one search each half hour unless a time is given."""

    def __init__(self) -> None:
        self.at = NOON

    def search(
        self, origin: str, clicks: Sequence[int] = (), at: datetime | None = None, **fields: Any
    ) -> LoggedSearch:
        """Logs a page that shows SHOWN, and clicks on it. `event_origin`: the origin of the clicks,
        by default the origin of the search. `session`: the session of the clicks, by default a new
        one."""
        self.at = at or self.at + timedelta(minutes=30)
        event_origin, session = fields.pop("event_origin", origin), fields.pop("session", "")
        products = fields.pop("products", SHOWN)
        search = make_search(products, ROWS[: len(products)], at=self.at, origin=origin, **fields)
        search.save()
        for product in clicks:
            Event.objects.create(
                type="click",
                product_id=product,
                query_id=search.pk,
                session=session or search.pk,
                origin=event_origin,
                at=self.at,
            )
        return search


@pytest.fixture
def shop() -> Shop:
    return Shop()


def counted() -> list[int]:
    """Returns the product of each click that counts, in order."""
    with transaction.atomic(), connection.cursor() as cursor:
        create_reported_clicks(cursor, timezone.now() - timedelta(days=90))
        cursor.execute("SELECT product_id FROM reported_click WHERE counts ORDER BY 1")
        return [row[0] for row in cursor]


def bursts() -> list[tuple[str, str, int, int]]:
    found = ClickBurst.objects.order_by("reason", "product_id", "origin")
    return list(found.values_list("reason", "origin", "product_id", "clicks"))


def rates() -> dict[int, float]:
    ClickRate.objects.all().delete()
    update_click_rates()
    return {rate.product_id: rate.rate for rate in ClickRate.objects.all()}


def test_a_product_counts_once_for_each_origin_of_searches(shop: Shop) -> None:
    for _ in range(5):
        shop.search("a", clicks=[1, 2])
    shop.search("b", clicks=[1])

    assert counted() == [1, 1, 2]


def test_a_product_counts_once_for_each_origin_of_clicks(shop: Shop) -> None:
    for searcher in "abcde":
        shop.search(searcher, clicks=[1], event_origin="x")

    assert counted() == [1]


def test_a_product_counts_once_for_each_session(shop: Shop) -> None:
    shop.search("a", clicks=[1], event_origin="b", session="s")
    shop.search("c", clicks=[1, 2], event_origin="d", session="s")

    assert counted() == [1, 2]


def test_a_session_counts_again_on_another_day(shop: Shop) -> None:
    shop.search("a", clicks=[1], session="s")
    shop.search("a the next day", clicks=[1], session="s", at=NOON + timedelta(days=1))

    assert counted() == [1, 1]


def test_only_clicks_on_shown_results_count(shop: Shop) -> None:
    shop.search("a", clicks=[99])
    shop.search("b", clicks=[1], sort="price")
    Event.objects.create(type="click", product_id=1, query_id="f" * 32, session="s")
    Event.objects.create(type="click", product_id=1, session="s")
    Event.objects.create(type="view", product_id=1, query_id=shop.search("c").pk, session="s")

    assert counted() == []


def test_a_click_that_does_not_count_never_stops_another_from_counting(shop: Shop) -> None:
    # Given an attacker who uses the sessions of future shoppers, in one search.
    victim = shop.search("attacker", clicks=[1])
    for session in ("s1", "s2", "s3"):
        Event.objects.create(
            type="click", product_id=1, query_id=victim.pk, session=session, origin="attacker"
        )
    for session in ("s1", "s2", "s3"):
        shop.search(f"of {session}", clicks=[1], session=session)

    assert counted() == [1, 1, 1, 1]


def test_searches_without_an_origin_count_one_by_one(shop: Shop) -> None:
    for _ in range(5):
        shop.search("", clicks=[1])

    assert counted() == [1] * 5


def test_the_views_of_an_origin_count_once_for_each_product(shop: Shop) -> None:
    # Given ten shoppers, and then fifty searches of one origin that clicks none of three products.
    for number in range(10):
        shop.search(f"shopper {number}", clicks=[1] if number < 5 else [2])
    before = rates()
    shop.search("one more", products=[1, 2, 3])
    by_one = rates()
    assert by_one != pytest.approx(before)

    for _ in range(50):
        shop.search("one more", products=[1, 2, 3])

    assert rates() == pytest.approx(by_one)


def test_the_reranker_learns_from_few_pages_of_an_origin(shop: Shop) -> None:
    for product in SHOWN:
        shop.search("a", clicks=[product])
    shop.search("b", clicks=[1])

    assert len(read_pages(FEATURES)) == MAX_PAGES_PER_ORIGIN + 1


def test_a_result_whose_click_does_not_count_is_left_out_of_its_page(shop: Shop) -> None:
    shop.search("a", clicks=[1])
    shop.search("a", clicks=[1, 2])

    first, second = read_pages(FEATURES)

    assert first.clicked.tolist() == [True] + [False] * 11
    assert second.clicked.tolist() == [True] + [False] * 10
    assert second.positions.tolist() == list(range(1, 12))


def test_an_origin_that_searches_and_clicks_within_seconds_is_a_burst(shop: Shop) -> None:
    shop.search("honest", clicks=[1])
    for number in range(200):
        shop.search("robot", clicks=[1 + number % 3], at=NOON + timedelta(seconds=number / 5))

    assert counted() == [1]
    assert bursts() == [("origin_seconds", "robot", 0, 200)]


def test_an_origin_with_far_more_clicks_than_others_is_a_burst(shop: Shop) -> None:
    for number in range(20):
        shop.search(f"honest {number}", clicks=[1, 2])
    for number in range(60):
        shop.search("robot", clicks=[3], at=NOON + timedelta(minutes=10 * number))

    assert counted() == [1] * 20 + [2] * 20
    assert bursts() == [("origin_day", "robot", 0, 60)]


def test_many_clicks_on_a_product_within_seconds_are_a_burst(shop: Shop) -> None:
    for number in range(20):
        shop.search(f"honest {number}", clicks=[1])
    at = shop.at.replace(hour=18, minute=5)
    for number in range(50):
        shop.search(f"robot {number}", clicks=[1], at=at + timedelta(seconds=number / 10))

    assert counted() == [1] * 20
    assert bursts() == [("product_seconds", "", 1, 50)]


def log_fortnight(shop: Shop, clicks_a_day: int = 6) -> None:
    """On each of 14 days, the same number of shoppers click products 1, 2 and 3."""
    for day in range(14):
        for number in range(clicks_a_day):
            at = NOON + timedelta(days=day, minutes=20 * number)
            shop.search(f"{day}/{number}", clicks=[1, 2, 3], at=at)


def log_attack(shop: Shop, day: int, count: int = 100) -> None:
    for number in range(count):
        at = NOON + timedelta(days=day, minutes=number * 5, seconds=count)
        shop.search(f"{day}/{count} {number}", clicks=[1], at=at)


def test_far_more_clicks_on_a_product_than_usual_are_a_burst_of_that_day(shop: Shop) -> None:
    log_fortnight(shop)
    assert counted() == [1] * 84 + [2] * 84 + [3] * 84
    log_attack(shop, day=10)

    assert counted() == [1] * 78 + [2] * 84 + [3] * 84
    assert bursts() == [("product_day", "", 1, 106)]


def test_an_attack_that_goes_on_does_not_become_usual(shop: Shop) -> None:
    # Given an attack of four days; clicks are counted each night.
    log_fortnight(shop)
    for day in range(8, 12):
        log_attack(shop, day=day)
        assert counted() == [1] * (84 - 6 * (day - 7)) + [2] * 84 + [3] * 84

    assert len(bursts()) == 4

    log_attack(shop, day=11, count=5)  # from other addresses, later that day
    counted()
    assert [clicks for *_, clicks in bursts()] == [106, 106, 106, 111]


def test_a_day_with_more_clicks_on_all_products_is_no_burst(shop: Shop) -> None:
    log_fortnight(shop)
    for number in range(60):
        at = NOON + timedelta(days=5, minutes=7 * number + 3)
        shop.search(f"sale {number}", clicks=[1, 2, 3], at=at)

    assert len(counted()) == 3 * 84 + 180
    assert bursts() == []


def test_an_operator_decides_whether_a_burst_counts(shop: Shop) -> None:
    log_fortnight(shop)
    log_attack(shop, day=10)
    counted()

    ClickBurst.objects.update(decision=ClickBurst.Decision.COUNT)
    assert len(counted()) == 3 * 84 + 100
    assert len(bursts()) == 1

    ClickBurst.objects.update(decision=ClickBurst.Decision.LEAVE_OUT)
    assert len(counted()) == 3 * 84 - 6


def test_the_nightly_task_reports_how_many_clicks_are_set_aside(shop: Shop) -> None:
    log_fortnight(shop)
    assert learn_from_clicks() == "too few clicks"
    log_attack(shop, day=10)

    assert learn_from_clicks() == "too few clicks (106 clicks are set aside)"


def test_old_keys_and_bursts_are_deleted() -> None:
    today = timezone.now().date()
    OriginKey.objects.all().delete()
    for days in (0, 1, 2):
        OriginKey.objects.create(day=today - timedelta(days=days), key=b"k")
    for days in (10, 100):
        day = today - timedelta(days=days)
        ClickBurst.objects.create(day=day, reason="product_day", product_id=1, clicks=9)

    delete_old_searches()

    assert [key.day for key in OriginKey.objects.all()] == [today]
    assert [burst.day for burst in ClickBurst.objects.all()] == [today - timedelta(days=10)]
