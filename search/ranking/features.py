"""Computes the features of candidates, by which they are ranked. Pure functions."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from search.retrieval.candidates import Candidate

FEATURES = ("similarity", "tags", "category", "stock", "price", "popularity", "clicks")
NEUTRAL = {
    "tags": 0.0,
    "category": 0.0,
    "stock": 1.0,
    "price": 1.0,
    "popularity": 0.0,
    "clicks": 0.5,
}
"""The values of the features that do not change a score."""

CATEGORY_NEIGHBOURS = 10  # the nearest candidates, whose categories count
USUAL_PRICE_RATIO = 5.0  # between a price and the median price of its category
MIN_PRICES = 5  # in a category, to have a median price


def compute_features(
    candidates: Sequence[Candidate], photo_tags: Mapping[int, float]
) -> list[dict[str, float]]:
    """Returns the FEATURES of each of a query's candidates. `similarity` is a cosine. All others
    are from 0 to 1:

    - `tags`: the share of the photo's tags (id → score) that the product has, weighted by score;
    - `category`: the share of the CATEGORY_NEIGHBOURS nearest candidates in its category;
    - `stock`: 1 in stock, else 0;
    - `price`: by `score_price`, compared with the candidates' median price in its category;
    - `popularity`: logarithmic, 1 for the most popular of the candidates;
    - `clicks`: how often it is opened when it is shown; 0.5 is the usual rate, or an unknown one.
    """
    nearest = sorted(candidates, key=lambda c: -(c.similarity or -1.0))[:CATEGORY_NEIGHBOURS]
    categories: Counter[int | None] = Counter(
        c.category_id for c in nearest if c.category_id is not None
    )
    ordinary_prices = _ordinary_prices(candidates)
    highest = math.log1p(max((c.popularity for c in candidates), default=0))
    scores = sum(photo_tags.values())
    return [
        {
            "similarity": c.similarity or 0.0,
            "tags": sum(photo_tags.get(tag, 0.0) for tag in c.tags) / scores if scores else 0.0,
            "category": categories[c.category_id] / len(nearest),
            "stock": float(c.in_stock),
            "price": score_price(float(c.price), ordinary_prices.get(c.category_id)),
            "popularity": math.log1p(c.popularity) / highest if highest else 0.0,
            "clicks": NEUTRAL["clicks"] if c.clicks is None else c.clicks,
        }
        for c in candidates
    ]


def score_price(price: float, ordinary_price: float | None) -> float:
    """Returns 1 for a price that is at most USUAL_PRICE_RATIO times as high or as low as
    `ordinary_price`. Beyond this ratio, the score falls with the logarithm of the price, to 0 at
    ten times the ratio. It is 1 if `ordinary_price` is None, and otherwise 0 for a price of 0."""
    if ordinary_price is None:
        return 1.0
    if price <= 0:
        return 0.0
    apart = abs(math.log(price / ordinary_price)) - math.log(USUAL_PRICE_RATIO)
    return min(1.0, max(0.0, 1.0 - apart / math.log(10)))


def _ordinary_prices(candidates: Sequence[Candidate]) -> dict[int | None, float]:
    """Returns the median price of each category with at least MIN_PRICES prices."""
    prices: dict[int | None, list[float]] = defaultdict(list)
    for candidate in candidates:
        if candidate.price > 0:
            prices[candidate.category_id].append(float(candidate.price))
    return {key: median(found) for key, found in prices.items() if len(found) >= MIN_PRICES}
