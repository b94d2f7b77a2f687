"""Which places of a page are looked at, and what is liked, told apart from the clicks of the log.

The position-based model (Craswell, Zoeter, Taylor, Ramsey, 2008): a result is opened as often as
its place is looked at times how much it attracts. The attraction is log-linear in the features, and
every page has a level of its own, for one query has five good answers and another has none:

    clicks of a result = level of its page · examination[its place] · exp(weights · its features)

Given how many clicks a page had, the level cancels, and what is left is a logistic model of which
results had them (conditional logit: McFadden, 1974). It is concave, so there is one solution, and
right on average wherever the line above is (Wooldridge, 1999), for any number of clicks on a page.
Without the levels, results that stand first because they are better would be taken for results that
are opened because they stand first. What the log does not tell stays as it was thought before it:
the priors are 1 / place and the formula's own weights (docs/decisions/0016)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.clicks.counted_clicks import tell_clicks

PLACES = 100  # of a list; those beyond count as the last
LISTS = 2  # the page of results, and the lookalikes on the page of a product
MOST_PAGES = 20_000  # with clicks, the latest
PAGES_OF_AN_ORIGIN = 5  # in a day
SMOOTH = 10.0  # precision of the step from one place to the next, against 1 / place
NEAR_FORMULA = 4.0  # precision of a weight around the formula's
STEPS = 50

USUAL = np.tile(1 / np.arange(1, PLACES + 1), LISTS)

PAGES = f"""
    WITH clicked AS MATERIALIZED (
        SELECT query_id, shown_to, array_agg(product_id) FILTER (WHERE counts) AS counted,
            coalesce(array_agg(product_id) FILTER (WHERE NOT counts), '{{}}') AS ignored
        FROM told_click GROUP BY 1, 2 HAVING bool_or(counts)
    ), page AS (
        SELECT search.*, counted, ignored,
            row_number() OVER (PARTITION BY shown_to ORDER BY search.at, query_id) AS number
        FROM clicked JOIN catalog_loggedsearch search USING (query_id)
        WHERE search.kind <> 'text'
    )
    SELECT products, counted, ignored, "offset", kind, features::text
    FROM page WHERE number <= {PAGES_OF_AN_ORIGIN} ORDER BY at DESC LIMIT %s
"""


@dataclass(frozen=True)
class Page:
    """Results as they were shown: features (n, f); places (n,), from 0, those of lookalikes from
    PLACES; and which were clicked (n,), bool."""

    features: np.ndarray
    places: np.ndarray
    clicked: np.ndarray


@dataclass(frozen=True)
class ClickModel:
    """`weights` (f,): how the logarithm of the clicks grows with each feature; `examination`
    (LISTS · PLACES,): how often each place is looked at, against the first of its list."""

    weights: np.ndarray
    examination: np.ndarray


def formula_of_settings() -> tuple[list[str], np.ndarray]:
    """The names of the features and the weights (f,) by which they rank where nothing was learnt,
    the cosine first."""
    names = ["similarity", *settings.RANKING_WEIGHTS]
    return names, np.array([1.0, *settings.RANKING_WEIGHTS.values()])


def read_pages(names: Sequence[str]) -> list[Page]:
    """The latest pages by relevance of which some results were opened and others not, the oldest
    first, with the features of these names. Searches by words alone are left out: what they are
    ranked by is no cosine. So are pages that were logged before there was one of the features, and
    results whose clicks do not count (`indexing/clicks/counted_clicks.py`)."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    pages = []
    with transaction.atomic(), connection.cursor() as cursor:
        tell_clicks(cursor, since)
        cursor.execute(PAGES, [MOST_PAGES])
        for products, counted, ignored, offset, kind, features in cursor:
            kept = ~np.isin(products, ignored)
            clicked = np.isin(products, counted)[kept]
            if clicked.all():
                continue
            try:
                rows = np.array([[of[name] for name in names] for of in json.loads(features)])
            except KeyError:
                continue
            places = np.minimum(offset + np.arange(len(products)), PLACES - 1)
            places += PLACES * (kind == "product")
            pages.append(Page(rows[kept], places[kept], clicked))
    return pages[::-1]


def fit(pages: Sequence[Page], formula: np.ndarray) -> ClickModel:
    """The likeliest model of these clicks. `formula` (f,): the weights that ranked hitherto; those
    found are some multiple of them and, as far as the clicks ask for it, something of their own."""
    if not pages:
        return ClickModel(np.zeros(len(formula)), USUAL)
    likelihood = _Likelihood(pages, formula)
    found = np.zeros(len(likelihood.prior))
    for _ in range(STEPS):  # Newton's method, its steps halved until they lead upwards
        value, gradient, curvature = likelihood.at(found)
        step = np.linalg.solve(curvature, gradient)
        while likelihood.value(found + step) < value and np.abs(step).max() > 1e-9:
            step /= 2
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    multiple, own, places = np.split(found, [1, 1 + len(formula)])
    examination = (USUAL * np.exp(places)).reshape(LISTS, PLACES)
    return ClickModel(multiple * formula + own, (examination / examination[:, :1]).ravel())


class _Likelihood:
    """Of the clicks, as a function of the multiple of the formula, each weight's own part and the
    logarithm of examination / USUAL: a logarithm, with the priors."""

    def __init__(self, pages: Sequence[Page], formula: np.ndarray) -> None:
        features = np.concatenate([page.features for page in pages])
        self.x = np.column_stack([features @ formula, features])
        self.places = np.concatenate([page.places for page in pages])
        self.clicked = np.concatenate([page.clicked for page in pages]).astype(float)
        sizes = np.array([len(page.places) for page in pages])
        self.page = np.repeat(np.arange(len(pages)), sizes)
        self.starts = np.cumsum(sizes) - sizes
        self.clicks = np.add.reduceat(self.clicked, self.starts)
        steps = np.kron(np.eye(LISTS), np.eye(PLACES) - np.eye(PLACES, k=-1))
        count = self.x.shape[1]
        self.prior = np.zeros((count + len(steps), count + len(steps)))
        self.prior[:count, :count] = np.diag([1e-6, *[NEAR_FORMULA] * len(formula)])
        self.prior[count:, count:] = SMOOTH * steps.T @ steps

    def value(self, point: np.ndarray) -> float:
        return self._shares(point)[0]

    def at(self, point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The value, its gradient, and how it curves (minus the second derivatives)."""
        value, share = self._shares(point)
        x, places, width = self.x, self.places, LISTS * PLACES
        expected = self.clicks[self.page] * share
        missing = self.clicked - expected
        gradient = np.append(missing @ x, np.bincount(places, missing, width)) - self.prior @ point
        mean = np.add.reduceat(share[:, None] * x, self.starts)
        cells = len(self.starts) * width
        on_page = np.bincount(self.page * width + places, share, cells).reshape(-1, width)
        means = np.hstack([mean, on_page])
        by_place = np.stack([np.bincount(places, expected * column, width) for column in x.T])
        squares = np.block(
            [
                [(x * expected[:, None]).T @ x, by_place],
                [by_place.T, np.diag(np.bincount(places, expected, width))],
            ]
        )
        return value, gradient, squares - (means * self.clicks[:, None]).T @ means + self.prior

    def _shares(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The value, and each result's share of the clicks of its page."""
        count = self.x.shape[1]
        height = self.x @ point[:count] + (np.log(USUAL) + point[count:])[self.places]
        top = np.maximum.reduceat(height, self.starts)
        share = np.exp(height - top[self.page])
        total = np.add.reduceat(share, self.starts)
        value = self.clicked @ height - self.clicks @ (top + np.log(total))
        return float(value - point @ self.prior @ point / 2), share / total[self.page]
