"""Click rates, and how long the log is kept."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import ClickRate, Event, LoggedSearch
from indexing.clicks.click_rates import update_click_rates
from indexing.clicks.log_retention import delete_old_searches
from tests.indexing.clicks.shoppers import log_pages, make_click, make_pages, make_search

pytestmark = pytest.mark.django_db

ONE = np.ones((1, 7)) * 0.5


@pytest.fixture(autouse=True)
def _kept(settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path


def show(product: int, times: int, clicks: int, **fields: Any) -> None:
    """Logs a page of this product alone each minute. One result has no position to compare with,
    so the prior examination remains."""
    latest = fields.pop("at", timezone.now())
    searches = [
        make_search([product], ONE, at=latest - timedelta(minutes=n), **fields)
        for n in range(times)
    ]
    LoggedSearch.objects.bulk_create(searches)
    Event.objects.bulk_create([make_click(search, product) for search in searches[:clicks]])


def rates() -> dict[int, ClickRate]:
    return {rate.product_id: rate for rate in ClickRate.objects.all()}


def test_a_rate_compares_clicks_with_those_of_an_average_product_in_the_same_positions() -> None:
    # Given product 1 shown 200 times, product 3 200 times in the first position, and product 2 200
    # times in the second, which is examined half as often: 500 views, and 12 clicks on product 1.
    show(1, 200, 12)
    LoggedSearch.objects.bulk_create(make_search([3, 2], np.ones((2, 7))) for _ in range(200))

    assert update_click_rates() == 3

    found = rates()
    assert [(found[n].clicks, found[n].expected) for n in (1, 2, 3)] == [
        (12, pytest.approx(200 * 12 / 500)),
        (0, pytest.approx(100 * 12 / 500)),
        (0, pytest.approx(200 * 12 / 500)),
    ]
    # Σ expected² = 51.84, Σ ((clicks - expected)² - expected) = 80.64 - 12: the prior would be 0.76
    # clicks, and is raised to 3.
    assert found[1].rate == pytest.approx(15 / 7.8 / (1 + 15 / 7.8))
    assert found[2].rate == pytest.approx(3 / 5.4 / (1 + 3 / 5.4))


def test_rates_with_differences_by_chance_alone_shrink_to_the_average() -> None:
    # Given products with 9, 10, 10 and 11 clicks of 100 views: they differ less than by chance.
    for product, clicks in enumerate((9, 10, 10, 11), 1):
        show(product, 100, clicks)

    update_click_rates()

    assert [round(rate.rate, 3) for rate in rates().values()] == [0.5, 0.5, 0.5, 0.5]


def test_further_pages_and_similar_products_are_compared_among_themselves() -> None:
    # Given products that are clicked on every second first page, in every tenth list of similar
    # products, and on every twentieth further page, each as often as the average there.
    show(1, 100, 50)
    show(2, 100, 10, kind="product")
    show(3, 100, 5, offset=24)

    update_click_rates()

    found = rates()
    assert [found[n].expected for n in (1, 2, 3)] == pytest.approx([50, 10, 5])
    assert [found[n].rate for n in (1, 2, 3)] == pytest.approx([0.5, 0.5, 0.5])


def test_an_attractive_product_in_the_last_position_beats_a_poor_one_in_the_first() -> None:
    # Given product 1 always first and unattractive, product 2 always last and attractive. Product 1
    # still has more clicks.
    def make(random: np.random.Generator) -> tuple[Any, Any]:
        ids = random.choice(40, 12, replace=False) + 3
        ids[0], ids[-1] = 1, 2
        return ids, np.full((12, 7), 0.5)

    made = make_pages(3_000, lambda ids, f: np.select([ids == 1, ids == 2], [0.15, 0.5], 0.3), make)
    log_pages(made)

    update_click_rates()

    found = rates()
    assert found[1].clicks > found[2].clicks
    assert found[2].rate > 0.5 > found[1].rate


def test_click_rates_recover_the_simulated_attractiveness() -> None:
    # Given products 1 to 5 three times as attractive as the others.
    log_pages(make_pages(3_000, lambda ids, f: np.where(ids <= 5, 0.6, 0.2)))

    assert update_click_rates() == 60

    found = rates()
    attractive, others = (
        [found[n].clicks / found[n].expected for n in numbers]
        for numbers in (range(1, 6), range(6, 61))
    )
    assert min(attractive) > max(others)
    assert np.mean(attractive) / np.mean(others) == pytest.approx(3.0, abs=0.3)


def test_counting_again_rewrites_no_row_and_deletes_products_that_are_no_longer_shown() -> None:
    show(1, 50, 5)
    show(2, 50, 5, at=timezone.now() - timedelta(days=89))
    update_click_rates()
    versions = "SELECT product_id, xmin::text FROM catalog_clickrate ORDER BY 1"
    with connection.cursor() as cursor:
        cursor.execute(versions)
        before = cursor.fetchall()
        with CaptureQueriesContext(connection) as few:
            update_click_rates()
        cursor.execute(versions)
        assert cursor.fetchall() == before
    with CaptureQueriesContext(connection) as many:
        LoggedSearch.objects.filter(products=[2]).update(at=timezone.now() - timedelta(days=91))
        update_click_rates()

    assert len(many) == len(few) + 1
    assert set(rates()) == {1}


def test_old_searches_and_photos_are_deleted(settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    show(1, 3, 3, at=timezone.now() - timedelta(days=91))
    recent = Event.objects.create(type="view", product_id=1, session="s")
    old, new = tmp_path / "old", tmp_path / "new"
    for photo in (old, new):
        photo.write_bytes(b"photo")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)

    assert delete_old_searches() == 6

    assert not LoggedSearch.objects.exists()
    assert Event.objects.get(product_id=1) == recent
    assert (old.exists(), new.exists()) == (False, True)
