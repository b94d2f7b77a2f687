"""What is learnt from clicks ranks only where it is better, on shoppers who are simulated."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from catalog.models import Reranker
from catalog.reranking import active_weights, forget_active_weights, withdraw_reranker
from indexing.clicks.click_model import Page
from indexing.clicks.reranker_training import described, doubtfulness, ndcg, train_reranker
from indexing.tasks import learn_from_clicks
from tests.indexing.clicks.shoppers import FEATURES, SHOWN, log, pages


@pytest.fixture(autouse=True)
def _kept(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path
    forget_active_weights()
    yield
    forget_active_weights()


def liked_by_stock(ids: np.ndarray, features: np.ndarray) -> np.ndarray:
    """By the likeness, twice as much by stock, and against popularity."""
    of = dict(zip(FEATURES, features.T, strict=True))
    return 0.9 * np.exp(2 * of["similarity"] + 4 * of["stock"] - 2 * of["popularity"] - 6)


def liked_alike(ids: np.ndarray, features: np.ndarray) -> np.ndarray:
    return np.full(SHOWN, 0.3)


def trained(**options: Any) -> Reranker:
    reranker = train_reranker(**options)
    assert reranker is not None
    return reranker


@pytest.mark.django_db
def test_the_reranker_finds_what_shoppers_like_and_takes_over() -> None:
    log(pages(6_000, liked_by_stock))

    reranker = trained()

    assert reranker.is_active
    assert set(reranker.weights) == set(FEATURES[1:])
    assert reranker.weights["stock"] == pytest.approx(2.0, abs=0.4)
    assert reranker.weights["popularity"] == pytest.approx(-1.0, abs=0.3)
    assert abs(reranker.weights["price"]) < 0.2
    assert reranker.figures["ndcg"] > reranker.figures["ndcg_formula"] + 0.05
    assert active_weights() == reranker.weights
    assert "ranks from now on" in described(reranker)


@pytest.mark.django_db
def test_where_clicks_only_follow_the_places_the_formula_stays() -> None:
    log(pages(1_500, liked_alike))

    reranker = trained()

    assert not reranker.is_active
    assert active_weights() is None
    assert "does not rank" in described(reranker)


@pytest.mark.django_db
def test_where_shoppers_like_what_the_formula_likes_it_stays(settings: Any) -> None:
    names = FEATURES[1:]
    settings.RANKING_WEIGHTS = dict.fromkeys(names, 0.1)
    formula = np.array([1.0, *[0.1] * len(names)])
    log(pages(1_500, lambda ids, f: 0.3 * np.exp(2 * (f @ formula) - 2.5)))

    assert not trained().is_active


@pytest.mark.django_db
def test_a_few_clicks_teach_nothing() -> None:
    log(pages(50, liked_alike))

    assert train_reranker() is None
    assert not Reranker.objects.exists()


@pytest.mark.django_db
def test_one_that_is_worse_than_the_active_one_does_not_take_its_place() -> None:
    # Given an active one with the true weights, and clicks enough to beat the formula only.
    true = {"stock": 2.0, "popularity": -1.0} | dict.fromkeys(
        ("tags", "category", "price", "clicks"), 0.0
    )
    best = Reranker.objects.create(weights=true, figures={}, is_active=True)
    log(pages(1_500, liked_by_stock))

    reranker = trained()

    figures = reranker.figures
    assert figures["ndcg_formula"] < figures["ndcg"] < figures["ndcg_active"]
    assert figures["doubt"] < 0.05
    assert Reranker.objects.get(is_active=True) == best


@pytest.mark.django_db
def test_what_somebody_turned_off_does_not_come_back_by_night() -> None:
    log(pages(1_500, liked_by_stock))
    said = StringIO()
    call_command("train_reranker", stdout=said)
    assert "ranks from now on" in said.getvalue()
    assert active_weights() is not None

    call_command("train_reranker", off=True, stdout=said)
    assert said.getvalue().endswith("The formula ranks again.\n")
    assert active_weights() is None

    assert "does not rank" in learn_from_clicks()
    assert active_weights() is None
    assert not withdraw_reranker()

    call_command("train_reranker", stdout=said)  # somebody wants it again
    assert active_weights() is not None
    assert not Reranker.objects.filter(withdrawn=True).exists()


def test_the_gain_of_an_order_by_hand() -> None:
    # Given clicks on the second and third of three, of which the third is looked at half as much:
    # worth 1 and 2. Best: 2 / log2(2) + 1 / log2(3) = 2.631.
    page = Page(np.array([[3.0], [2.0], [1.0]]), np.arange(3), np.array([False, True, True]))
    examination = np.array([1.0, 1.0, 0.5])

    forwards, backwards = (ndcg([page], np.array([way]), examination) for way in (1.0, -1.0))

    assert forwards[0] == pytest.approx((1 / np.log2(3) + 2 / 2) / 2.6309, abs=1e-4)
    assert backwards[0] == pytest.approx(1.0)


def test_how_doubtful_a_difference_is() -> None:
    assert doubtfulness(np.full(50, 0.1)) == 0.0
    assert doubtfulness(np.full(50, 0.0)) == 1.0
    assert 0.3 < doubtfulness(np.tile([0.1, -0.1], 50)) < 0.7
