"""What is learnt from clicks, on shoppers who are simulated: how places are looked at, which
products are liked, and what makes a result good."""

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from catalog.models import ClickRate, Event, LoggedSearch, Reranker
from catalog.reranking import _active, active_weights
from indexing.click_rates import (
    LEAST_CLICKS,
    PLACES,
    Impressions,
    click_rates,
    examination,
    update_click_rates,
)
from indexing.search_log import forget_old_searches
from indexing.training.reranker import (
    Page,
    deactivate,
    described,
    doubtfulness,
    fit,
    ndcg,
    train_reranker,
)
from search.features import FEATURES

SHOWN = 12
LOOKED_AT = 1 / np.arange(1, SHOWN + 1) ** 0.7
NAMES = FEATURES[1:]


@pytest.fixture(autouse=True)
def _log(settings: Any) -> None:
    settings.SEARCH_LOG_DAYS = 90
    _active.cache_clear()


def simulate(pages: int, liked: Any, seed: int = 1, products: int = 60) -> None:
    """Pages of results in the formula's order, and clicks: a place is looked at as LOOKED_AT says,
    and a result that is looked at is opened with the probability `liked(product, features)`."""
    random = np.random.default_rng(seed)
    searches, events = [], []
    start = timezone.now() - timedelta(days=30)
    for number in range(pages):
        ids = random.choice(products, SHOWN, replace=False) + 1
        features = random.random((SHOWN, len(FEATURES)))
        order = np.argsort(-features[:, 0])  # by the cosine, near enough
        ids, features = ids[order], features[order]
        query_id, at = uuid.UUID(int=random.integers(2**62)).hex, start + timedelta(minutes=number)
        searches.append(
            LoggedSearch(
                query_id=query_id,
                at=at,
                kind="photo",
                generation_id=1,
                timings_ms={},
                filtered=False,
                sort="relevance",
                offset=0,
                products=ids.tolist(),
                features=[dict(zip(FEATURES, row, strict=True)) for row in features.tolist()],
            )
        )
        for place, (product, row) in enumerate(zip(ids.tolist(), features, strict=True)):
            if random.random() < LOOKED_AT[place] * liked(product, row):
                events.append(
                    Event(type="click", product_id=product, query_id=query_id, session="s", at=at)
                )
    LoggedSearch.objects.bulk_create(searches)
    Event.objects.bulk_create(events)


def impressions(rows: list[tuple[int, int, int, int]]) -> Impressions:
    """Of (product, place from 0, shown, clicked)."""
    table = np.array(rows)
    ids, products = np.unique(table[:, 0], return_inverse=True)
    return Impressions(ids, products, table[:, 1], table[:, 2], table[:, 3])


def test_how_places_are_looked_at_is_told_from_what_is_liked() -> None:
    # Given 10,000 looks each at two products, liked by 0.4 and 0.2, in places looked at 1, 0.5.
    rows = [
        (1, 0, 10_000, 4_000),
        (1, 1, 10_000, 2_000),
        (2, 0, 10_000, 2_000),
        (2, 1, 10_000, 1_000),
    ]

    looked_at = examination(impressions(rows))

    assert looked_at[:2] == pytest.approx([1.0, 0.5], abs=0.01)


def test_with_few_clicks_a_common_curve_is_taken() -> None:
    looked_at = examination(impressions([(1, 0, 10, LEAST_CLICKS - 1)]))

    assert looked_at[:4] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert len(looked_at) == PLACES


def test_a_rate_is_clicks_against_those_of_a_usual_product_in_its_places() -> None:
    # Given 300 looks and 30 clicks, one in ten. Product 1 had 200 looks: 20 expected, 10 had.
    # Product 2 was shown 200 times where one in two looks: 10 expected, 20 had.
    looked_at = np.array([1.0, 0.5])

    first, second = click_rates(impressions([(1, 0, 200, 10), (2, 1, 200, 20)]), looked_at)

    assert (first.clicks, first.expected) == (10, pytest.approx(20.0))
    assert first.rate == pytest.approx(15 / 25 / (1 + 15 / 25))
    assert (second.clicks, second.expected) == (20, pytest.approx(10.0))
    assert second.rate == pytest.approx(25 / 15 / (1 + 25 / 15))


@pytest.mark.django_db
def test_the_bias_of_simulated_shoppers_is_found_and_taken_out() -> None:
    # Given products 1 to 5 liked much and the others little, by shoppers who look from the top.
    simulate(3_000, lambda product, row: 0.6 if product <= 5 else 0.2)

    written = update_click_rates()

    rates = dict(ClickRate.objects.values_list("product_id", "rate"))
    assert written == len(rates) == 60
    assert min(rates[n] for n in range(1, 6)) > max(rates[n] for n in range(6, 61))
    from indexing.click_rates import read_impressions

    assert examination(read_impressions())[:SHOWN] == pytest.approx(LOOKED_AT, abs=0.06)


@pytest.mark.django_db
def test_a_product_liked_at_the_bottom_beats_one_not_liked_at_the_top() -> None:
    looked_at = 1 / np.arange(1, 13)
    rows = [(1, 0, 1000, 100), (2, 11, 1000, 50), *((n, n, 100, 5) for n in range(3, 10))]

    rates = {r.product_id: r.rate for r in click_rates(impressions(rows), looked_at)}

    assert rates[2] > 0.5 > rates[1]  # 50 clicks of 83 looks; 100 of 1,000


@pytest.mark.django_db
def test_the_reranker_finds_what_shoppers_like_and_takes_over() -> None:
    # Given shoppers who go by the likeness, twice as much by stock, and against popularity.
    def liked(product: int, row: np.ndarray) -> float:
        of = dict(zip(FEATURES, row, strict=True))
        return 1 / (
            1 + np.exp(-(3 * of["similarity"] + 6 * of["stock"] - 3 * of["popularity"] - 4))
        )

    simulate(1_500, liked)

    reranker = train_reranker()

    assert reranker is not None
    assert reranker.is_active
    assert set(reranker.weights) == set(NAMES)
    assert reranker.weights["stock"] == pytest.approx(2.0, abs=0.5)
    assert reranker.weights["popularity"] == pytest.approx(-1.0, abs=0.4)
    assert abs(reranker.weights["price"]) < 0.3
    assert reranker.figures["ndcg"] > reranker.figures["ndcg_formula"]
    assert active_weights() == reranker.weights
    assert "takes over" in described(reranker)


@pytest.mark.django_db
def test_where_clicks_only_follow_the_places_the_formula_stays() -> None:
    simulate(1_500, lambda product, row: 0.3)

    reranker = train_reranker()

    assert reranker is not None
    assert not reranker.is_active
    assert active_weights() is None
    assert "is not used" in described(reranker)


@pytest.mark.django_db
def test_a_few_clicks_teach_nothing() -> None:
    simulate(50, lambda product, row: 0.3)

    assert train_reranker() is None
    assert not Reranker.objects.exists()


@pytest.mark.django_db
def test_the_formula_can_be_brought_back_in_one_step() -> None:
    Reranker.objects.create(weights={"stock": 0.5}, figures={}, is_active=True)
    assert active_weights() == {"stock": 0.5}

    assert deactivate()
    _active.cache_clear()

    assert active_weights() is None
    assert not deactivate()


def test_the_gain_of_an_order_by_hand() -> None:
    # Given clicks on the second and third of three, of which the third is looked at half as much:
    # worth 1 and 2. Best: 2 / log2(2) + 1 / log2(3) = 2.631.
    page = Page(np.array([[3.0], [2.0], [1.0]]), np.arange(3), np.array([False, True, True]))
    looked_at = np.array([1.0, 1.0, 0.5])

    forwards, backwards = (ndcg([page], np.array([way]), looked_at) for way in (1.0, -1.0))

    assert forwards[0] == pytest.approx((1 / np.log2(3) + 2 / 2) / 2.6309, abs=1e-4)
    assert backwards[0] == pytest.approx(1.0)


def test_places_and_likings_are_told_apart_where_the_best_stand_first() -> None:
    # Given results in the order of the one thing that is liked: σ(4x - 2), in places looked at less
    # and less.
    random = np.random.default_rng(3)
    pages = []
    for _ in range(4_000):
        features = np.sort(random.random((SHOWN, 1)), axis=0)[::-1]
        liked = 1 / (1 + np.exp(2 - 4 * features[:, 0]))
        pages.append(Page(features, np.arange(SHOWN), random.random(SHOWN) < LOOKED_AT * liked))

    weights, looked_at = fit(pages)

    assert looked_at[:SHOWN] == pytest.approx(LOOKED_AT, abs=0.08)
    assert weights[0] == pytest.approx(4.0, abs=0.8)


def test_how_doubtful_a_difference_is() -> None:
    assert doubtfulness(np.full(50, 0.1)) == 0.0
    assert doubtfulness(np.full(50, 0.0)) == 1.0
    assert 0.3 < doubtfulness(np.tile([0.1, -0.1], 50)) < 0.7


@pytest.mark.django_db
def test_old_searches_and_photos_are_forgotten(settings: Any, tmp_path: Any) -> None:
    settings.SEARCH_LOG_PHOTOS = tmp_path
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    simulate(3, lambda product, row: 1.0)
    LoggedSearch.objects.update(at=timezone.now() - timedelta(days=91))
    recent = Event.objects.create(type="view", product_id=1, session="s")
    Event.objects.exclude(pk=recent.pk).update(at=timezone.now() - timedelta(days=91))
    old, new = tmp_path / "old", tmp_path / "new"
    for photo in (old, new):
        photo.write_bytes(b"photo")
    import os
    import time

    os.utime(old, (time.time() - 2 * 86_400,) * 2)

    assert forget_old_searches() > 3

    assert not LoggedSearch.objects.exists()
    assert list(Event.objects.all()) == [recent]
    assert (old.exists(), new.exists()) == (False, True)
