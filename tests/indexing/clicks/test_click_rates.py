"""How often products are opened where they are shown, and what is kept of the log."""

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
from indexing.clicks.log_retention import forget_old_searches
from tests.indexing.clicks.shoppers import click, log, logged, pages

pytestmark = pytest.mark.django_db

ONE = np.ones((1, 7)) * 0.5


@pytest.fixture(autouse=True)
def _kept(settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path


def show(product: int, times: int, clicks: int, **fields: Any) -> None:
    """A page of this product alone each minute: it tells nothing of places, so the prior stands."""
    latest = fields.pop("at", timezone.now())
    searches = [
        logged([product], ONE, at=latest - timedelta(minutes=n), **fields) for n in range(times)
    ]
    LoggedSearch.objects.bulk_create(searches)
    Event.objects.bulk_create([click(search, product) for search in searches[:clicks]])


def rates() -> dict[int, ClickRate]:
    return {rate.product_id: rate for rate in ClickRate.objects.all()}


def test_a_rate_is_clicks_against_those_of_a_usual_product_in_its_places() -> None:
    # Given products 1 and 3 shown 200 times in the first place, product 2 in the second, where half
    # as many look: 500 looks, and 12 clicks, all on product 1.
    show(1, 200, 12)
    LoggedSearch.objects.bulk_create(logged([3, 2], np.ones((2, 7))) for _ in range(200))

    assert update_click_rates() == 3

    found = rates()
    assert [(found[n].clicks, found[n].expected) for n in (1, 2, 3)] == [
        (12, pytest.approx(200 * 12 / 500)),
        (0, pytest.approx(100 * 12 / 500)),
        (0, pytest.approx(200 * 12 / 500)),
    ]
    # Σ expected² = 51.84, Σ ((clicks - expected)² - expected) = 80.64 - 12: the prior would be 0.76
    # clicks, and is at least 3.
    assert found[1].rate == pytest.approx(15 / 7.8 / (1 + 15 / 7.8))
    assert found[2].rate == pytest.approx(3 / 5.4 / (1 + 3 / 5.4))


def test_what_differs_by_chance_alone_is_drawn_to_the_usual() -> None:
    # Given four products with 9, 10, 10 and 11 clicks of 100 looks: less apart than by chance.
    for product, clicks in enumerate((9, 10, 10, 11), 1):
        show(product, 100, clicks)

    update_click_rates()

    assert [round(rate.rate, 3) for rate in rates().values()] == [0.5, 0.5, 0.5, 0.5]


def test_further_pages_and_lookalikes_are_compared_among_themselves() -> None:
    # Given a product opened in one of two first pages, and one in one of ten lists of lookalikes,
    # each as often as is usual there.
    show(1, 100, 50)
    show(2, 100, 10, kind="product")
    show(3, 100, 5, offset=24)

    update_click_rates()

    found = rates()
    assert [found[n].expected for n in (1, 2, 3)] == pytest.approx([50, 10, 5])
    assert [found[n].rate for n in (1, 2, 3)] == pytest.approx([0.5, 0.5, 0.5])


def test_a_product_liked_at_the_bottom_beats_one_not_liked_at_the_top() -> None:
    # Given product 1 always first and seldom liked, product 2 always last and liked much; more
    # clicks fall to the first all the same.
    def make(random: np.random.Generator) -> tuple[Any, Any]:
        ids = random.choice(40, 12, replace=False) + 3
        ids[0], ids[-1] = 1, 2
        return ids, np.full((12, 7), 0.5)

    made = pages(3_000, lambda ids, f: np.select([ids == 1, ids == 2], [0.15, 0.5], 0.3), make)
    log(made)

    update_click_rates()

    found = rates()
    assert found[1].clicks > found[2].clicks
    assert found[2].rate > 0.5 > found[1].rate


def test_simulated_likings_are_found() -> None:
    # Given products 1 to 5 liked three times as much as others.
    log(pages(3_000, lambda ids, f: np.where(ids <= 5, 0.6, 0.2)))

    assert update_click_rates() == 60

    found = rates()
    liked, others = (
        [found[n].clicks / found[n].expected for n in numbers]
        for numbers in (range(1, 6), range(6, 61))
    )
    assert min(liked) > max(others)
    assert np.mean(liked) / np.mean(others) == pytest.approx(3.0, abs=0.3)


def test_counting_again_writes_nothing_anew_and_forgets_what_is_not_shown_any_more() -> None:
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


def test_old_searches_and_photos_are_forgotten(settings: Any, tmp_path: Path) -> None:
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    show(1, 3, 3, at=timezone.now() - timedelta(days=91))
    recent = Event.objects.create(type="view", product_id=1, session="s")
    old, new = tmp_path / "old", tmp_path / "new"
    for photo in (old, new):
        photo.write_bytes(b"photo")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)

    assert forget_old_searches() == 6

    assert not LoggedSearch.objects.exists()
    assert Event.objects.get(product_id=1) == recent
    assert (old.exists(), new.exists()) == (False, True)
