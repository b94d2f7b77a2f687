"""Places that are looked at and results that are liked are told apart, on shoppers who are
simulated."""

from typing import Any

import numpy as np
import pytest

from catalog.models import Event, LoggedSearch
from indexing.clicks.click_model import LISTS, PLACES, USUAL, Page, fit, read_pages
from tests.indexing.clicks.shoppers import (
    FEATURES,
    LOOKED_AT,
    SHOWN,
    click,
    logged,
    pages,
    random_results,
    with_clicks,
)

FORMULA = np.array([1.0, 0.01, 0.01, 0.02, 0.01, 0.005, 0.05])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_without_clicks_the_common_curve_and_the_formula_stand() -> None:
    model = fit([], FORMULA)

    assert model.examination[:3] == pytest.approx([1, 1 / 2, 1 / 3])
    assert model.examination[PLACES : PLACES + 3] == pytest.approx([1, 1 / 2, 1 / 3])
    assert len(model.examination) == LISTS * PLACES


def test_the_likeliest_model_of_two_results_by_hand() -> None:
    # Given 3,000 pages of two results that differ in nothing, the second opened 600 times and the
    # first 2,400 times: looked at a quarter as much. The prior, 1 / 2, moves that by under 0.01.
    same = np.ones((2, 7)) * 0.5
    first, second = (Page(same, np.arange(2), np.arange(2) == n) for n in (0, 1))

    model = fit([first] * 2_400 + [second] * 600, FORMULA)

    assert model.examination[1] == pytest.approx(0.25, abs=0.01)
    assert model.examination[2] / model.examination[1] == pytest.approx(
        USUAL[2] / USUAL[1], abs=0.001
    )


def test_a_weight_by_hand() -> None:
    # Given pages that show the same two results in both orders as often, and the one in stock
    # opened three times as often in either place: its weight is the logarithm of three.
    stock = np.zeros((2, 7))
    stock[0, 3] = 1.0
    shown = [(stock, 0, 1_500), (stock, 1, 500), (stock[::-1], 1, 1_500), (stock[::-1], 0, 500)]
    made = [
        page
        for features, opened, count in shown
        for page in [Page(features, np.arange(2), np.arange(2) == opened)] * count
    ]

    model = fit(made, FORMULA)

    assert model.weights[3] == pytest.approx(np.log(3), abs=0.02)
    assert model.examination[1] == pytest.approx(1.0, abs=0.02)


def alike_within(random: np.random.Generator) -> tuple[Any, Any]:
    """Queries of different levels, the nearest first: the cosine tells little between pages."""
    ids, features = random_results(random, products=20_000)
    features[:, 0] = np.sort(random.normal(0.65, 0.1) + random.normal(0, 0.05, SHOWN))[::-1]
    features[:, 3] = random.random(SHOWN) < 0.85
    features[:, [4, 6]] = 1.0, 0.5
    return ids, features


@pytest.mark.parametrize(
    ("liked", "make"),
    [
        # Some products are liked more than others, wherever they stand.
        (lambda ids, f: np.where(ids <= 5, 0.6, 0.2), random_results),
        # The nearer the better; each product is shown but a few times.
        (lambda ids, f: sigmoid(8 * (f[:, 0] - 0.65) + 1.5 * f[:, 3] - 2), alike_within),
        # What counts is how near it is beside the best of the page.
        (
            lambda ids, f: sigmoid(14 * (f[:, 0] - f[0, 0]) + 1.5 * f[:, 3] - 1.5),
            alike_within,
        ),
        # Nothing counts but the place.
        (lambda ids, f: np.full(SHOWN, 0.3), alike_within),
    ],
    ids=["products", "cosine", "beside the best", "place alone"],
)
def test_how_places_are_looked_at_is_told_from_what_is_liked(liked: Any, make: Any) -> None:
    model = fit(with_clicks(pages(4_000, liked, make)), FORMULA)

    assert model.examination[:SHOWN] == pytest.approx(LOOKED_AT, abs=0.08)
    assert np.abs(model.examination[:SHOWN] - LOOKED_AT).mean() < 0.04


def test_what_the_log_does_not_tell_stays_as_the_formula_has_it() -> None:
    # Given price always ordinary, clicks unknown, and two results in all that were out of stock.
    made = pages(4_000, lambda ids, f: sigmoid(8 * (f[:, 0] - 0.65)), alike_within)
    for _, page in made:
        page.features[:, 3] = 1.0
    made[0][1].features[0, 3] = made[1][1].features[3, 3] = 0.0

    weights = fit(with_clicks(made), FORMULA).weights
    weights = weights / weights[0]

    assert weights[4] == pytest.approx(0.01, abs=1e-4)
    assert weights[6] == pytest.approx(0.05, abs=1e-4)
    assert weights[3] == pytest.approx(0.02, abs=0.1)


@pytest.mark.django_db
def test_the_log_is_read_by_list_and_place(settings: Any) -> None:
    settings.SEARCH_LOG_DAYS = 90
    features = np.arange(21).reshape(3, 7) / 20
    kinds = ({}, {"kind": "product"}, {"offset": 98}, {"kind": "text"}, {"sort": "price"})
    searches = [logged([5, 6, 7], features, **fields) for fields in kinds]
    unfinished = logged([5, 6, 7], features)
    del unfinished.features[0]["clicks"]
    unclicked, all_clicked = logged([5, 6, 7], features), logged([5], features[:1])
    LoggedSearch.objects.bulk_create([*searches, unfinished, unclicked, all_clicked])
    opened = [click(search, 6) for search in [*searches, *searches, unfinished]]  # some twice
    Event.objects.bulk_create([*opened, click(searches[0], 99), click(all_clicked, 5)])

    read = read_pages(FEATURES)

    assert [page.places.tolist() for page in read] == [[0, 1, 2], [100, 101, 102], [98, 99, 99]]
    assert all(page.clicked.tolist() == [False, True, False] for page in read)
    assert read[0].features == pytest.approx(features)
