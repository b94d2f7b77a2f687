"""Gives a shopper a factor among those of the products."""

from typing import NamedTuple

import numpy as np

from catalog.index.factor_store import read_factors
from catalog.index.preferences import solve_preferences
from catalog.models import FactorModel
from search.recommendations.recent_history import RecentHistory


class FoldedIn(NamedTuple):
    """A shopper's factor (k,), the products of the history that the model knows (n,), and how much
    each of them contributes to the factor (n, k)."""

    factor: np.ndarray
    products: list[int]
    contributions: np.ndarray


def fold_in(model: FactorModel, history: RecentHistory) -> FoldedIn | None:
    """Folds a shopper into a model. Returns None if it knows no product that the shopper likes."""
    factors = read_factors(model, history.products) if history.liked else {}
    known = [
        (pk, weight)
        for pk, weight in zip(history.products, history.weights, strict=True)
        if pk in factors
    ]
    if not any(weight > 0 for _, weight in known):
        return None
    factor, contributions = solve_preferences(
        np.stack([factors[pk] for pk, _ in known]),
        np.array([weight for _, weight in known]),
        model.gram,
        model.alpha,
        model.regularization,
    )
    return FoldedIn(factor, [pk for pk, _ in known], contributions)
