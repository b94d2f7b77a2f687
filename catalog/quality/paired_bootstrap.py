"""Compares two searches by the same queries. Pure functions on arrays."""

from typing import NamedTuple

import numpy as np

RESAMPLES = 2_000
CONFIDENCE = 0.95
SEED = 0
MAX_DRAWS = 1_000_000  # held in memory at once


class Difference(NamedTuple):
    """The mean difference of two searches, and its confidence interval."""

    value: float
    low: float
    high: float


def bootstrap_difference(
    first: np.ndarray, second: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED
) -> Difference:
    """Returns the mean of `first` - `second`, with a percentile interval of CONFIDENCE.

    Both have the shape (n,), n > 0, and hold one value for each query, such as whether the right
    product was found. Each resample draws n queries with replacement and takes both values of each
    (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13). Equal arguments
    always give the same interval."""
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    random = np.random.default_rng(seed)
    n = len(differences)
    rows = max(1, MAX_DRAWS // n)
    means = [
        differences[random.integers(n, size=(min(rows, resamples - start), n))].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return Difference(float(differences.mean()), float(low), float(high))
