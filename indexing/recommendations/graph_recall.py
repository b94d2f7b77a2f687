"""Measures what the graph of a factor model finds, beside a comparison with all of its products."""

from collections.abc import Callable

import numpy as np

from catalog.index.factor_store import (
    ANY_PRODUCT,
    draw_factors,
    greatest_preferences,
    nearest_factors,
    share_of_greatest,
)
from catalog.index.preferences import solve_preferences
from catalog.models import FactorModel
from indexing.recommendations.factor_evaluation import TOP

QUERIES = 50


def measure_graph(model: FactorModel, check: Callable[[], None]) -> float | None:
    """Returns recall@20 of the graph for QUERIES shoppers who have opened one product each, which
    is drawn at random. None without learned products."""
    shares = []
    for factor in draw_factors(model, QUERIES):
        check()
        query, _ = solve_preferences(
            factor[None], np.ones(1), model.gram, model.alpha, model.regularization
        )
        greatest = greatest_preferences(model, query, TOP)
        found = nearest_factors(model, query, len(greatest), ANY_PRODUCT)
        shares.append(share_of_greatest(found, greatest[-1], len(greatest)))
    return round(float(np.mean(shares)), 4) if shares else None
