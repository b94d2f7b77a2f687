"""Trains factors on the preferences of shoppers, and gives factors to products without history."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse

ITERATIONS = 15
SEED = 22
MIN_DIMENSIONS = 2


@dataclass(frozen=True)
class FactorSettings:
    """`alpha`: the confidence that a weight of 1 adds to that of products that a shopper has not
    opened, which is 1. Histories that are large and sparse need more of it, and of
    `regularization`."""

    dimensions: int
    alpha: float
    regularization: float


@dataclass(frozen=True)
class TrainedFactors:
    """Factors of products (p, k) and of the shoppers that they were trained with (s, k), float32,
    and what they were trained with."""

    settings: FactorSettings
    products: np.ndarray
    shoppers: np.ndarray

    @property
    def gram(self) -> np.ndarray:
        """The Gram matrix of the products' factors, float32 (k, k)."""
        return self.products.T @ self.products


def train_factors(
    weights: sparse.csr_matrix, settings: FactorSettings, check: Callable[[], None]
) -> TrainedFactors:
    """Trains factors, of fewer numbers in a tiny history, on weights of preferences (s, p) by
    alternating least squares for implicit feedback (Hu, Koren, Volinsky, 2008). Negative
    weights are products that a shopper rejects: their preference is 0. Calls `check` after each
    iteration."""
    _load_openmp()
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    confidences = weights.copy().astype(np.float32)
    confidences.data = np.sign(weights.data) * (1.0 + settings.alpha * np.abs(weights.data))
    with threadpool_limits(1, "blas"):  # implicit has threads of its own
        model = AlternatingLeastSquares(
            factors=max(MIN_DIMENSIONS, min(settings.dimensions, min(weights.shape) - 1)),
            regularization=settings.regularization,
            alpha=1.0,
            iterations=ITERATIONS,
            random_state=SEED,
            use_cg=False,
        )
        model.fit(confidences, show_progress=False, callback=lambda *_: check())
    return TrainedFactors(
        settings,
        np.asarray(model.item_factors, np.float32),
        np.asarray(model.user_factors, np.float32),
    )


def _load_openmp() -> None:
    """Loads the OpenMP library that implicit needs: that of the system, which small systems lack,
    or the copy that torch brings along."""
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        torch = find_spec("torch")
        for folder in torch.submodule_search_locations or () if torch else ():
            ctypes.CDLL(str(Path(folder) / "lib" / "libgomp.so.1"))


class Ridge:
    """The ridge regression from embeddings, with a 1 added, to factors. It is fitted in parts, so
    memory does not grow with the catalogue."""

    def __init__(self) -> None:
        self._squares: np.ndarray | float = 0.0
        self._products: np.ndarray | float = 0.0
        self._rows = 0

    def add(self, embeddings: np.ndarray, factors: np.ndarray) -> None:
        """Adds products: unit vectors (n, d), and their factors (n, k)."""
        extended = extend(embeddings)
        self._squares = self._squares + extended.T @ extended
        self._products = self._products + extended.T @ factors
        self._rows += len(embeddings)

    def fit(self) -> np.ndarray | None:
        """Returns the matrix (d + 1, k), or None if there are no products. The penalty is the mean
        eigenvalue of the embeddings' squares."""
        if not self._rows:
            return None
        assert isinstance(self._squares, np.ndarray)
        size = len(self._squares)
        penalty = self._rows / (size - 1) * np.eye(size)
        penalty[-1, -1] = 1e-6 * self._rows  # the mean is not shrunk
        return np.asarray(np.linalg.solve(self._squares + penalty, self._products), np.float32)


def extend(embeddings: np.ndarray) -> np.ndarray:
    """Returns embeddings (n, d) with a 1 added: (n, d + 1), in float64."""
    return np.hstack([embeddings.astype(np.float64), np.ones((len(embeddings), 1))])
