"""The click model, which separates the position bias of a page from the attractiveness of its
results.

The position-based model (Craswell, Zoeter, Taylor, Ramsey, 2008): a result is clicked as often as
its position is examined times its attractiveness. Attractiveness is log-linear in the features.
Every page has a level of its own, because one query has five good answers and another has none:

    clicks of a result = level of its page · examination[its position] · exp(weights · its features)

Conditioned on the number of clicks of a page, the level cancels. A logistic model of which results
were clicked remains (conditional logit: McFadden, 1974). It is concave, so it has one solution. The
solution is consistent wherever the line above holds (Wooldridge, 1999), for any number of clicks on
a page. Without the levels, the model could not tell a result that is first because it is better
from a result that is clicked because it is first. Without evidence in the log, the priors remain:
1 / position, and the weights of the ranking formula (docs/decisions/0016)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.clicks.counted_clicks import create_reported_clicks

POSITIONS = 100  # per list; later positions share the last one
LISTS = 2  # results of searches, and similar products on the page of a product
MAX_PAGES = 20_000  # latest pages with clicks
MAX_PAGES_PER_ORIGIN = 5  # per day
POSITION_PRECISION = 10.0  # of the prior of the step from one position to the next
WEIGHT_PRECISION = 4.0  # of the prior of a weight
MAX_NEWTON_STEPS = 50

PRIOR_EXAMINATION = np.tile(1 / np.arange(1, POSITIONS + 1), LISTS)

SELECT_PAGES = f"""
    WITH clicked AS MATERIALIZED (
        SELECT query_id, search_origin, array_agg(product_id) FILTER (WHERE counts) AS counted,
            coalesce(array_agg(product_id) FILTER (WHERE NOT counts), '{{}}') AS ignored
        FROM reported_click GROUP BY 1, 2 HAVING bool_or(counts)
    ), page AS (
        SELECT search.*, counted, ignored,
            row_number() OVER (PARTITION BY search_origin ORDER BY search.at, query_id) AS number
        FROM clicked JOIN catalog_loggedsearch search USING (query_id)
        WHERE search.kind <> 'text'
    )
    SELECT products, counted, ignored, "offset", kind, features::text
    FROM page WHERE number <= {MAX_PAGES_PER_ORIGIN} ORDER BY at DESC LIMIT %s
"""


@dataclass(frozen=True)
class Page:
    """The results of a page as they were shown.

    `features`: (n, f). `positions`: (n,), from 0; the positions of similar products start at
    POSITIONS. `clicked`: (n,), bool."""

    features: np.ndarray
    positions: np.ndarray
    clicked: np.ndarray


@dataclass(frozen=True)
class ClickModel:
    """`weights` (f,): how the logarithm of the clicks grows with each feature. `examination`
    (LISTS · POSITIONS,): the examination probability of each position, relative to the first
    position of its list."""

    weights: np.ndarray
    examination: np.ndarray


def read_ranking_formula() -> tuple[list[str], np.ndarray]:
    """Returns the names of the features, the cosine first, and their weights (f,) in the ranking
    formula of the settings, which ranks where no reranker is active."""
    names = ["similarity", *settings.RANKING_WEIGHTS]
    return names, np.array([1.0, *settings.RANKING_WEIGHTS.values()])


def read_pages(names: Sequence[str]) -> list[Page]:
    """Returns the latest pages by relevance with clicked and unclicked results, the oldest first,
    with the features of these names.

    Leaves out searches by words alone, which have no cosine, pages that were logged before one of
    the features existed, and results whose clicks do not count
    (`indexing/clicks/counted_clicks.py`)."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    pages = []
    with transaction.atomic(), connection.cursor() as cursor:
        create_reported_clicks(cursor, since)
        cursor.execute(SELECT_PAGES, [MAX_PAGES])
        for products, counted, ignored, offset, kind, features in cursor:
            kept = ~np.isin(products, ignored)
            clicked = np.isin(products, counted)[kept]
            if clicked.all():
                continue
            try:
                rows = np.array([[row[name] for name in names] for row in json.loads(features)])
            except KeyError:
                continue
            positions = np.minimum(offset + np.arange(len(products)), POSITIONS - 1)
            positions += POSITIONS * (kind == "product")
            pages.append(Page(rows[kept], positions[kept], clicked))
    return pages[::-1]


def fit_click_model(pages: Sequence[Page], formula: np.ndarray) -> ClickModel:
    """Returns the most probable model of these clicks (maximum a posteriori).

    `formula` (f,): the weights of the ranking formula. The fitted weights are a multiple of it plus
    a deviation for each feature, as far as the clicks support one."""
    if not pages:
        return ClickModel(np.zeros(len(formula)), PRIOR_EXAMINATION)
    posterior = _LogPosterior(pages, formula)
    estimate = np.zeros(len(posterior.prior))
    for _ in range(MAX_NEWTON_STEPS):  # Newton's method with step halving
        value, gradient, curvature = posterior.at(estimate)
        step = np.linalg.solve(curvature, gradient)
        while posterior.value(estimate + step) < value and np.abs(step).max() > 1e-9:
            step /= 2
        estimate = estimate + step
        if np.abs(step).max() < 1e-6:
            break
    multiple, deviations, log_ratios = np.split(estimate, [1, 1 + len(formula)])
    examination = (PRIOR_EXAMINATION * np.exp(log_ratios)).reshape(LISTS, POSITIONS)
    weights = multiple * formula + deviations
    return ClickModel(weights, (examination / examination[:, :1]).ravel())


class _LogPosterior:
    """The log-posterior of the clicks. Its parameters are the multiple of the formula, the
    deviation of each weight, and log(examination / PRIOR_EXAMINATION) of each position."""

    def __init__(self, pages: Sequence[Page], formula: np.ndarray) -> None:
        features = np.concatenate([page.features for page in pages])
        self.x = np.column_stack([features @ formula, features])
        self.positions = np.concatenate([page.positions for page in pages])
        self.clicked = np.concatenate([page.clicked for page in pages]).astype(float)
        sizes = np.array([len(page.positions) for page in pages])
        self.page = np.repeat(np.arange(len(pages)), sizes)
        self.starts = np.cumsum(sizes) - sizes
        self.clicks = np.add.reduceat(self.clicked, self.starts)
        steps = np.kron(np.eye(LISTS), np.eye(POSITIONS) - np.eye(POSITIONS, k=-1))
        count = self.x.shape[1]
        self.prior = np.zeros((count + len(steps), count + len(steps)))
        self.prior[:count, :count] = np.diag([1e-6, *[WEIGHT_PRECISION] * len(formula)])
        self.prior[count:, count:] = POSITION_PRECISION * steps.T @ steps

    def value(self, point: np.ndarray) -> float:
        return self._shares(point)[0]

    def at(self, point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Returns the value, its gradient, and its curvature (minus the Hessian)."""
        value, share = self._shares(point)
        x, positions, width = self.x, self.positions, LISTS * POSITIONS
        expected = self.clicks[self.page] * share
        residual = self.clicked - expected
        by_residual = np.append(residual @ x, np.bincount(positions, residual, width))
        gradient = by_residual - self.prior @ point
        mean = np.add.reduceat(share[:, None] * x, self.starts)
        cells = len(self.starts) * width
        on_page = np.bincount(self.page * width + positions, share, cells).reshape(-1, width)
        means = np.hstack([mean, on_page])
        by_position = np.stack([np.bincount(positions, expected * column, width) for column in x.T])
        squares = np.block(
            [
                [(x * expected[:, None]).T @ x, by_position],
                [by_position.T, np.diag(np.bincount(positions, expected, width))],
            ]
        )
        return value, gradient, squares - (means * self.clicks[:, None]).T @ means + self.prior

    def _shares(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the value and each result's expected share of the clicks of its page."""
        count = self.x.shape[1]
        score = self.x @ point[:count] + (np.log(PRIOR_EXAMINATION) + point[count:])[self.positions]
        top = np.maximum.reduceat(score, self.starts)
        share = np.exp(score - top[self.page])
        total = np.add.reduceat(share, self.starts)
        value = self.clicked @ score - self.clicks @ (top + np.log(total))
        return float(value - point @ self.prior @ point / 2), share / total[self.page]
