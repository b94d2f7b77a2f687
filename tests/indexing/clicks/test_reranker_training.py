"""A reranker takes over only if it is better, on simulated shoppers."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from catalog.models import Reranker
from catalog.reranking import active_weights, forget_active_weights, withdraw_reranker
from indexing.clicks.click_model import Page
from indexing.clicks.reranker_training import (
    bootstrap_p_value,
    describe_reranker,
    ndcg,
    train_reranker,
)
from indexing.tasks import learn_from_clicks
from tests.indexing.clicks.shoppers import FEATURES, SHOWN, log_pages, make_pages

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_reranker_ranks(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path
    forget_active_weights()
    yield
    forget_active_weights()


def attracted_by_stock(ids: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Similarity attracts, stock twice as much; popularity repels."""
    of = dict(zip(FEATURES, features.T, strict=True))
    return 0.9 * np.exp(2 * of["similarity"] + 4 * of["stock"] - 2 * of["popularity"] - 6)


def attracted_equally(ids: np.ndarray, features: np.ndarray) -> np.ndarray:
    return np.full(SHOWN, 0.3)


def train(**options: Any) -> Reranker:
    reranker = train_reranker(**options)
    assert reranker is not None
    return reranker


def test_a_reranker_learns_what_attracts_shoppers_and_takes_over() -> None:
    log_pages(make_pages(6_000, attracted_by_stock))

    reranker = train()

    assert reranker.is_active
    assert set(reranker.weights) == set(FEATURES[1:])
    assert reranker.weights["stock"] == pytest.approx(2.0, abs=0.4)
    assert reranker.weights["popularity"] == pytest.approx(-1.0, abs=0.3)
    assert abs(reranker.weights["price"]) < 0.2
    assert reranker.figures["ndcg"] > reranker.figures["ndcg_formula"] + 0.05
    assert active_weights() == reranker.weights
    assert "ranks from now on" in describe_reranker(reranker)


def test_the_formula_stays_if_clicks_depend_on_positions_alone() -> None:
    log_pages(make_pages(1_500, attracted_equally))

    reranker = train()

    assert not reranker.is_active
    assert active_weights() is None
    assert "does not rank" in describe_reranker(reranker)


def test_the_formula_stays_if_it_is_right(settings: Any) -> None:
    names = FEATURES[1:]
    settings.RANKING_WEIGHTS = dict.fromkeys(names, 0.1)
    formula = np.array([1.0, *[0.1] * len(names)])
    log_pages(make_pages(1_500, lambda ids, f: 0.3 * np.exp(2 * (f @ formula) - 2.5)))

    assert not train().is_active


def test_too_few_pages_train_no_reranker() -> None:
    log_pages(make_pages(50, attracted_equally))

    assert train_reranker() is None
    assert not Reranker.objects.exists()


def test_a_reranker_worse_than_the_active_one_does_not_take_over() -> None:
    # Given an active reranker with the true weights, and too few clicks to reach it.
    true = {"stock": 2.0, "popularity": -1.0} | dict.fromkeys(
        ("tags", "category", "price", "clicks"), 0.0
    )
    best = Reranker.objects.create(weights=true, figures={}, is_active=True)
    log_pages(make_pages(1_500, attracted_by_stock))

    reranker = train()

    figures = reranker.figures
    assert figures["ndcg_formula"] < figures["ndcg"] < figures["ndcg_active"]
    assert figures["doubt"] < 0.05
    assert Reranker.objects.get(is_active=True) == best


def test_the_nightly_task_does_not_replace_a_withdrawn_reranker() -> None:
    log_pages(make_pages(1_500, attracted_by_stock))
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

    call_command("train_reranker", stdout=said)  # an operator trains again
    assert active_weights() is not None
    assert not Reranker.objects.filter(withdrawn=True).exists()


def test_ndcg_by_hand() -> None:
    # Given clicks on the second and third of three results. The third is examined half as often, so
    # the gains are 1 and 2. Best: 2 / log2(2) + 1 / log2(3) = 2.631.
    page = Page(np.array([[3.0], [2.0], [1.0]]), np.arange(3), np.array([False, True, True]))
    examination = np.array([1.0, 1.0, 0.5])

    forwards, backwards = (ndcg([page], np.array([way]), examination) for way in (1.0, -1.0))

    assert forwards[0] == pytest.approx((1 / np.log2(3) + 2 / 2) / 2.6309, abs=1e-4)
    assert backwards[0] == pytest.approx(1.0)


def test_the_p_value_is_the_share_of_samples_without_a_positive_mean() -> None:
    assert bootstrap_p_value(np.full(50, 0.1)) == 0.0
    assert bootstrap_p_value(np.full(50, 0.0)) == 1.0
    assert bootstrap_p_value(np.tile([0.1, -0.1], 50)) == 0.468  # 0.5, but for 500 samples
