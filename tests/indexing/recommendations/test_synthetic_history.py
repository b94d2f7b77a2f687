"""The made-up history: it is the same each time, and tastes show in what shoppers open."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np

from indexing.recommendations.synthetic_history import draw_places, make_history

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
PRODUCTS = list(range(100, 400))


def test_the_same_arguments_give_the_same_history() -> None:
    first = list(make_history(PRODUCTS, 20, 30, UNTIL, seed=3))

    assert first == list(make_history(PRODUCTS, 20, 30, UNTIL, seed=3))
    assert first != list(make_history(PRODUCTS, 20, 30, UNTIL, seed=4))
    assert {event.product_id for event in first} <= set(PRODUCTS)
    assert all(UNTIL - timedelta(days=30) <= event.at <= UNTIL for event in first)
    assert {event.type for event in first} == {"view", "cart", "purchase"}


def test_shoppers_open_what_is_near_to_their_tastes() -> None:
    places = draw_places(len(PRODUCTS), 40, seed=1)
    opened: dict[int, list[int]] = defaultdict(list)
    for event in make_history(PRODUCTS, 40, 60, UNTIL, seed=1):
        opened[int(event.user.removeprefix("made-"))].append(event.product_id - PRODUCTS[0])

    near, usual = [], []
    for shopper, products in opened.items():
        cosines = (places.products @ places.shoppers[shopper].T).max(axis=1)
        near.append(cosines[products].mean())
        usual.append(cosines.mean())
    assert np.mean(near) > np.mean(usual) + 0.3
