"""What speaks for a candidate beside its looks, as numbers. Pure functions."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from search.retrieval.candidates import Candidate

FEATURES = ("similarity", "tags", "category", "stock", "price", "popularity", "clicks")
ORDINARY = {
    "tags": 0.0,
    "category": 0.0,
    "stock": 1.0,
    "price": 1.0,
    "popularity": 0.0,
    "clicks": 0.5,
}
"""The value of a feature that speaks neither for a candidate nor against it."""

FIRST = 10  # of the nearest say which category is meant
PRICES_APART = 5.0  # times the median, or a part of it, are still ordinary in a category
LEAST_PRICES = 5  # say what is ordinary


def features_of(
    candidates: Sequence[Candidate], photo_tags: Mapping[int, float]
) -> list[dict[str, float]]:
    """The FEATURES of each of a query's candidates, every one 0 to 1 but `similarity`, a cosine:

    - `tags`: the share of the photo's tags (id → score) that the product has, by score;
    - `category`: the share of the FIRST nearest that are of its category;
    - `stock`: 1 in stock, else 0;
    - `price`: 1 within PRICES_APART of the candidates' median in its category, less beyond, 0 at
      ten times that and for what costs nothing;
    - `popularity`: logarithmic, 1 for the most popular of the candidates;
    - `clicks`: how often it is opened where it is shown, 0.5 as usual or not known.
    """
    nearest = sorted(candidates, key=lambda c: -(c.similarity or -1.0))[:FIRST]
    categories: Counter[int | None] = Counter(
        c.category_id for c in nearest if c.category_id is not None
    )
    ordinary = _ordinary_prices(candidates)
    most = math.log1p(max((c.popularity for c in candidates), default=0))
    scores = sum(photo_tags.values())
    return [
        {
            "similarity": c.similarity or 0.0,
            "tags": sum(photo_tags.get(tag, 0.0) for tag in c.tags) / scores if scores else 0.0,
            "category": categories[c.category_id] / len(nearest),
            "stock": float(c.in_stock),
            "price": price_sanity(float(c.price), ordinary.get(c.category_id)),
            "popularity": math.log1p(c.popularity) / most if most else 0.0,
            "clicks": ORDINARY["clicks"] if c.clicks is None else c.clicks,
        }
        for c in candidates
    ]


def price_sanity(price: float, ordinary: float | None) -> float:
    """1 for a price up to PRICES_APART times `ordinary` or down to that part of it, falling by its
    logarithm to 0 ten times as far; 1 where nobody knows what is ordinary, 0 for no price."""
    if ordinary is None:
        return 1.0
    if price <= 0:
        return 0.0
    apart = abs(math.log(price / ordinary)) - math.log(PRICES_APART)
    return min(1.0, max(0.0, 1.0 - apart / math.log(10)))


def _ordinary_prices(candidates: Sequence[Candidate]) -> dict[int | None, float]:
    """The median price by category, where there are enough to say."""
    prices: dict[int | None, list[float]] = defaultdict(list)
    for candidate in candidates:
        if candidate.price > 0:
            prices[candidate.category_id].append(float(candidate.price))
    return {key: median(found) for key, found in prices.items() if len(found) >= LEAST_PRICES}
