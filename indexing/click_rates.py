"""How often products are opened where they are shown, corrected for their places.

The position-based model (Craswell et al., 2008; Chuklin, Markov, de Rijke, "Click Models for Web
Search", 2015): a result is clicked if its place is looked at and the product attracts. Both are
estimated from the log by expectation maximisation: the same product in several places, and several
products in one, tell them apart."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import ClickRate

PLACES = 100  # those beyond count as the last
LEAST_CLICKS = 500  # fewer do not tell how places are looked at
STEPS = 100
PRIOR = 5.0  # clicks of a usual product that every product is taken to have had
WRITTEN_AT_ONCE = 5_000

SHOWN = """
    WITH clicked AS MATERIALIZED (
        SELECT DISTINCT query_id, product_id FROM catalog_event
        WHERE type = 'click' AND query_id <> '' AND at >= %s
    )
    SELECT shown.product_id, least(search."offset" + shown.place, %s) AS place, count(*),
        count(clicked.product_id)
    FROM catalog_loggedsearch search
    CROSS JOIN LATERAL unnest(search.products) WITH ORDINALITY AS shown (product_id, place)
    LEFT JOIN clicked ON clicked.query_id = search.query_id
        AND clicked.product_id = shown.product_id
    WHERE search.at >= %s AND search.sort = 'relevance'
    GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Impressions:
    """How often each product was shown in each place, and clicked: four arrays (n,); `products`
    counts from 0 along `ids`, `places` from 0."""

    ids: np.ndarray
    products: np.ndarray
    places: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray


def update_click_rates() -> int:
    """Writes the rates of all products that were shown while the log is kept; gives how many."""
    impressions = read_impressions()
    looked_at = examination(impressions)
    rates = click_rates(impressions, looked_at)
    with transaction.atomic():
        ClickRate.objects.all().delete()
        ClickRate.objects.bulk_create(rates, batch_size=WRITTEN_AT_ONCE)
    return len(rates)


def read_impressions() -> Impressions:
    """From the log, counted by product and place."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(SHOWN, [since, PLACES, since])
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 4)
    ids, products = np.unique(rows[:, 0], return_inverse=True)
    return Impressions(ids, products, rows[:, 1] - 1, rows[:, 2], rows[:, 3])


def examination(impressions: Impressions) -> np.ndarray:
    """float (PLACES,): how often each place is looked at, against the first: 1 there. While there
    are fewer than LEAST_CLICKS clicks, 1 / place, as is common."""
    usual = 1 / np.arange(1, PLACES + 1)
    if impressions.clicked.sum() < LEAST_CLICKS:
        return usual
    shown, clicked, places = impressions.shown, impressions.clicked, impressions.places
    looked, attracts = usual.copy(), np.full(len(impressions.ids), 0.5)
    for _ in range(STEPS):
        both = looked[places] * attracts[impressions.products]
        unclicked = (shown - clicked) / np.maximum(1 - both, 1e-9)
        seen = clicked + unclicked * (looked[places] - both)
        liked = clicked + unclicked * (attracts[impressions.products] - both)
        looked = _mean(seen, shown, places, looked)
        attracts = _mean(liked, shown, impressions.products, attracts)
        attracts = np.clip(attracts, 1e-4, 1 - 1e-4)
        looked = np.clip(looked, 1e-4, 1 - 1e-4)
    return np.minimum.accumulate(looked / looked[0])


def click_rates(impressions: Impressions, looked_at: np.ndarray) -> list[ClickRate]:
    """Each product's clicks against those that a usual product had got in its places; both with
    PRIOR added. A ratio r is the rate r / (1 + r): 0.5 for as many as usual, 0.67 for twice."""
    looks = impressions.shown * looked_at[impressions.places]
    usual = impressions.clicked.sum() / max(looks.sum(), 1e-9)
    expected = usual * np.bincount(impressions.products, looks, len(impressions.ids))
    clicks = np.bincount(impressions.products, impressions.clicked, len(impressions.ids))
    ratio = (clicks + PRIOR) / (expected + PRIOR)
    return [
        ClickRate(product_id=product_id, clicks=clicked, expected=wanted, rate=rate)
        for product_id, clicked, wanted, rate in zip(
            impressions.ids.tolist(),
            clicks.astype(int).tolist(),
            expected.tolist(),
            (ratio / (1 + ratio)).tolist(),
            strict=True,
        )
    ]


def _mean(
    sums: np.ndarray, shown: np.ndarray, groups: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Sums by group against how often it was shown; as `before` where it never was."""
    counts = np.bincount(groups, shown, len(before))
    means = np.bincount(groups, sums, len(before)) / np.maximum(counts, 1e-9)
    return np.where(counts > 0, means, before)
