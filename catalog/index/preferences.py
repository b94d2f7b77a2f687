"""From events to preferences, and from preferences to the factor of a shopper: pure functions.

The offline side trains and measures with them, the online side answers with them."""

import numpy as np

EVENT_WEIGHTS = {"view": 1.0, "click": 1.0, "cart": 3.0, "purchase": 5.0, "wrong": -5.0}
HALF_LIFE_DAYS = 30.0
MAX_WEIGHT = 20.0  # of one product for one shopper


def decay(age_days: np.ndarray) -> np.ndarray:
    """Returns by how much events of these ages still count, 0 to 1."""
    return np.exp2(-np.maximum(age_days, 0.0) / HALF_LIFE_DAYS)


def solve_preferences(
    factors: np.ndarray,
    weights: np.ndarray,
    gram: np.ndarray,
    alpha: float,
    regularization: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Folds a shopper in: returns the shopper's factor (k,), and how much each of the products
    contributes to it, (n, k), which sum to it.

    `factors` (n, k) are those of the products that the shopper has a preference for, `weights` (n,)
    the strengths of these, negative for products that the shopper rejects. `gram` (k, k) is YᵀY of
    all factors Y. The confidence is c = 1 + alpha · |weight|. The factor minimises the squared
    error of the preferences 1 and 0, weighted by their confidences, plus the regularization times
    its squared length (Hu, Koren, Volinsky, 2008)."""
    confidences = 1.0 + alpha * np.abs(weights)
    matrix = (
        gram
        + regularization * np.eye(len(gram))
        + factors.T @ ((confidences - 1.0)[:, None] * factors)
    )
    liked = (confidences * (weights > 0))[:, None] * factors
    contributions = np.linalg.solve(matrix, liked.T).T
    return contributions.sum(axis=0), contributions
