"""The distance of two samples of vectors, and how large it becomes by chance. Pure functions on
arrays."""

from typing import NamedTuple

import numpy as np

ALARM_SHARE = 0.99  # of the distances by chance are at or below the alarm level
PERMUTATIONS = 1_000
SEED = 0


class Distance(NamedTuple):
    """The energy distance of two samples, and the level above which it is an alarm."""

    value: float
    level: float


def compare_samples(first: np.ndarray, second: np.ndarray) -> Distance:
    """Returns the energy distance of two samples of unit vectors, (n, d) and (m, d), and the level
    that it exceeds with a probability of 1 - ALARM_SHARE if both come from one source.

    The energy distance is 2 E|X - Y| - E|X - X'| - E|Y - Y'|, with Euclidean lengths (Székely and
    Rizzo 2013, Energy statistics). It is 0 for equal distributions alone. The level is a quantile
    of the distances of PERMUTATIONS random divisions of all vectors into two samples of n and m.
    Equal arguments always give the same level."""
    both = np.concatenate([first, second]).astype(np.float32)
    lengths = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * (both @ both.T)))
    np.fill_diagonal(lengths, 0.0)
    n, m = len(first), len(second)
    shares = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    random = np.random.default_rng(SEED)
    divisions = random.permuted(np.tile(shares, (PERMUTATIONS, 1)), axis=1).astype(np.float32)
    by_chance = _energies(divisions, lengths)
    value = _energies(shares[None].astype(np.float32), lengths)[0]
    return Distance(float(value), float(np.quantile(by_chance, ALARM_SHARE)))


def _energies(shares: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the energy distance of each division, (k,). `shares` (k, n + m): 1/n for the vectors
    of the first sample, -1/m for the others."""
    return -np.einsum("kn,kn->k", shares @ lengths, shares)
