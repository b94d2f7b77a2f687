"""The click model separates position bias from attractiveness, on simulated shoppers."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from catalog.models import Event, LoggedSearch
from indexing.clicks.click_model import (
    LISTS,
    POSITIONS,
    PRIOR_EXAMINATION,
    Page,
    fit_click_model,
    read_pages,
)
from tests.indexing.clicks.shoppers import (
    EXAMINATION,
    FEATURES,
    SHOWN,
    make_click,
    make_pages,
    make_search,
    pages_with_clicks,
    random_results,
)

FORMULA = np.array([1.0, 0.01, 0.01, 0.02, 0.01, 0.005, 0.05])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_without_clicks_the_prior_examination_remains() -> None:
    model = fit_click_model([], FORMULA)

    assert model.examination[:3] == pytest.approx([1, 1 / 2, 1 / 3])
    assert model.examination[POSITIONS : POSITIONS + 3] == pytest.approx([1, 1 / 2, 1 / 3])
    assert len(model.examination) == LISTS * POSITIONS


def test_examination_of_two_positions_by_hand() -> None:
    # Given 3,000 pages of two equal results, the first clicked 2,400 times, the second 600 times:
    # the second position is examined a quarter as often. The prior, 1 / 2, moves it less than 0.01.
    same = np.ones((2, 7)) * 0.5
    first, second = (Page(same, np.arange(2), np.arange(2) == n) for n in (0, 1))

    model = fit_click_model([first] * 2_400 + [second] * 600, FORMULA)

    assert model.examination[1] == pytest.approx(0.25, abs=0.01)
    assert model.examination[2] / model.examination[1] == pytest.approx(
        PRIOR_EXAMINATION[2] / PRIOR_EXAMINATION[1], abs=0.001
    )


def test_a_weight_by_hand() -> None:
    # Given pages that show the same two results equally often in both orders, and the one in stock
    # is clicked three times as often in either position: the weight is the logarithm of three.
    stock = np.zeros((2, 7))
    stock[0, 3] = 1.0
    shown = [(stock, 0, 1_500), (stock, 1, 500), (stock[::-1], 1, 1_500), (stock[::-1], 0, 500)]
    made = [
        page
        for features, opened, count in shown
        for page in [Page(features, np.arange(2), np.arange(2) == opened)] * count
    ]

    model = fit_click_model(made, FORMULA)

    assert model.weights[3] == pytest.approx(np.log(3), abs=0.02)
    assert model.examination[1] == pytest.approx(1.0, abs=0.02)


def alike_within(random: np.random.Generator) -> tuple[Any, Any]:
    """Returns pages of different levels, the nearest result first. Across pages, the cosine says
    little."""
    ids, features = random_results(random, products=20_000)
    features[:, 0] = np.sort(random.normal(0.65, 0.1) + random.normal(0, 0.05, SHOWN))[::-1]
    features[:, 3] = random.random(SHOWN) < 0.85
    features[:, [4, 6]] = 1.0, 0.5
    return ids, features


@pytest.mark.parametrize(
    ("attractiveness", "make"),
    [
        # Some products are more attractive than others, in any position.
        (lambda ids, f: np.where(ids <= 5, 0.6, 0.2), random_results),
        # Nearer products are more attractive. Each product is shown only a few times.
        (lambda ids, f: sigmoid(8 * (f[:, 0] - 0.65) + 1.5 * f[:, 3] - 2), alike_within),
        # Attractiveness depends on the distance to the best result of the page.
        (
            lambda ids, f: sigmoid(14 * (f[:, 0] - f[0, 0]) + 1.5 * f[:, 3] - 1.5),
            alike_within,
        ),
        # All results are equally attractive: only the position matters.
        (lambda ids, f: np.full(SHOWN, 0.3), alike_within),
    ],
    ids=["products", "cosine", "relative to the best", "position alone"],
)
def test_examination_is_separated_from_attractiveness(attractiveness: Any, make: Any) -> None:
    model = fit_click_model(pages_with_clicks(make_pages(4_000, attractiveness, make)), FORMULA)

    assert model.examination[:SHOWN] == pytest.approx(EXAMINATION, abs=0.08)
    assert np.abs(model.examination[:SHOWN] - EXAMINATION).mean() < 0.04


def test_without_evidence_in_the_log_the_weights_of_the_formula_remain() -> None:
    # Given constant prices, unknown click rates, and only two results out of stock.
    made = make_pages(4_000, lambda ids, f: sigmoid(8 * (f[:, 0] - 0.65)), alike_within)
    for _, page in made:
        page.features[:, 3] = 1.0
    made[0][1].features[0, 3] = made[1][1].features[3, 3] = 0.0

    weights = fit_click_model(pages_with_clicks(made), FORMULA).weights
    weights = weights / weights[0]

    assert weights[4] == pytest.approx(0.01, abs=1e-4)
    assert weights[6] == pytest.approx(0.05, abs=1e-4)
    assert weights[3] == pytest.approx(0.02, abs=0.1)


@pytest.mark.django_db
def test_pages_are_read_from_the_log_by_list_and_position(settings: Any) -> None:
    settings.SEARCH_LOG_DAYS = 90
    features = np.arange(21).reshape(3, 7) / 20
    kinds = ({}, {"kind": "product"}, {"offset": 98}, {"kind": "text"}, {"sort": "price"})
    searches = [make_search([5, 6, 7], features, **fields) for fields in kinds]
    unfinished = make_search([5, 6, 7], features)
    del unfinished.features[0]["clicks"]
    unclicked, all_clicked = make_search([5, 6, 7], features), make_search([5], features[:1])
    LoggedSearch.objects.bulk_create([*searches, unfinished, unclicked, all_clicked])
    opened = [make_click(search, 6) for search in [*searches, *searches, unfinished]]
    for again in opened[: len(searches)]:
        again.at += timedelta(seconds=1)
    Event.objects.bulk_create([*opened, make_click(searches[0], 99), make_click(all_clicked, 5)])

    read = read_pages(FEATURES)

    assert [page.positions.tolist() for page in read] == [[0, 1, 2], [100, 101, 102], [98, 99, 99]]
    assert all(page.clicked.tolist() == [False, True, False] for page in read)
    assert read[0].features == pytest.approx(features)
