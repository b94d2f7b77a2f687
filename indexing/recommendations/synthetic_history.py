"""A made-up history of shoppers, to measure recommendations on.

Each product has a place in a space of tastes, and each shopper has one too. Places are drawn at
random: they depend neither on what a product looks like nor on its texts, so an encoder knows
nothing of them. A shopper visits on some days. At each visit the shopper opens products, of which
each is chosen from a handful that the shop happens to show, by the popularity of the product and by
how near its place is to that of the shopper. A few openings lead to the cart and to a purchase.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

TASTES = 12  # dimensions of the space
CIRCLES = 24  # around whose centres products and shoppers gather
SPREAD = 0.15  # of places around the centre of their circle
CIRCLES_OF_SHOPPER = 2  # each shopper likes the products of as many circles
TASTE_STRENGTH = 8.0  # of the cosine of places, in the exponent of a choice
POPULARITY_EXPONENT = 0.6  # the product of rank r is shown r ** -0.6 times as often as the first
SHOWN = 60  # products that a choice is made from
VISITS_PER_DAY = 0.12  # of a shopper
OPENED_PER_VISIT = 4.0  # on average
CART_SHARE = 0.12  # of the products opened
PURCHASE_SHARE = 0.5  # of the products in the cart


class MadeEvent(NamedTuple):
    """An event of a made-up shopper. `user` is "made-" and a number."""

    at: datetime
    type: str
    product_id: int
    user: str


@dataclass(frozen=True)
class Places:
    """Unit vectors of products (p, TASTES) and of each shopper's likings
    (s, CIRCLES_OF_SHOPPER, TASTES), and the cumulated popularity of products (p,), which ends at
    1."""

    products: np.ndarray
    shoppers: np.ndarray
    cumulated: np.ndarray


def draw_places(products: int, shoppers: int, seed: int) -> Places:
    """Draws the places of products and shoppers."""
    random = np.random.default_rng(seed)
    centres = _unit(random.standard_normal((CIRCLES, TASTES)))

    def around(circles: np.ndarray) -> np.ndarray:
        noise = SPREAD * random.standard_normal((*circles.shape, TASTES))
        return _unit(centres[circles] + noise)

    popularity = (1.0 + random.permutation(products)) ** -POPULARITY_EXPONENT
    return Places(
        around(random.integers(CIRCLES, size=products)),
        around(random.integers(CIRCLES, size=(shoppers, CIRCLES_OF_SHOPPER))),
        np.cumsum(popularity) / popularity.sum(),
    )


def make_history(
    product_ids: Sequence[int], shoppers: int, days: int, until: datetime, seed: int = 0
) -> Iterator[MadeEvent]:
    """Yields the events of `shoppers` in the `days` before `until`, a shopper after the other. The
    same arguments give the same events."""
    ids = np.asarray(product_ids)
    places = draw_places(len(ids), shoppers, seed)
    for shopper in range(shoppers):
        random = np.random.default_rng((seed, shopper))
        for visit in range(random.poisson(VISITS_PER_DAY * days)):
            begun = until - timedelta(days=float(days * random.random()))
            liking = places.shoppers[shopper, visit % CIRCLES_OF_SHOPPER]
            opened = _choose(places, liking, 1 + random.poisson(OPENED_PER_VISIT - 1), random)
            for number, chosen in enumerate(ids[opened].tolist()):
                at = min(until, begun + timedelta(seconds=40 * number))
                user = f"made-{shopper}"
                yield MadeEvent(at, "view", chosen, user)
                if random.random() < CART_SHARE:
                    yield MadeEvent(at, "cart", chosen, user)
                    if random.random() < PURCHASE_SHARE:
                        yield MadeEvent(at, "purchase", chosen, user)


def _choose(
    places: Places, liking: np.ndarray, number: int, random: np.random.Generator
) -> np.ndarray:
    """Returns the numbers of the products that a shopper with this liking opens."""
    shown = np.searchsorted(places.cumulated, random.random((number, SHOWN)))
    shown = np.minimum(shown, len(places.cumulated) - 1)
    scores = TASTE_STRENGTH * np.einsum("nst,t->ns", places.products[shown], liking)
    # The greatest of scores with Gumbel noise is a draw from their softmax.
    chosen = np.argmax(scores + random.gumbel(size=scores.shape), axis=1)
    return shown[np.arange(number), chosen]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
