"""Fits and applies adapters: maps from the space of a query encoder to the space of an index
encoder. Through one, a new encoder can search vectors that an older one made (Vejendla,
"Drift-Adapter", 2025, arXiv 2509.23471).

`new` and `old` are unit vectors of the same photos or texts, float (n, from) and (n, to), row by
row; the two dimensions may differ. `fit` makes an adapter, `adapt` applies it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KINDS = ("orthogonal", "low_rank", "residual")
"""From the simplest to the most flexible."""

PENALTIES = tuple(10.0**power for power in range(-6, 4))
MIN_ENERGY = 0.9  # share of the fitted vectors' energy that a low-rank map keeps
RANDOM_FEATURES = 256  # of a residual adapter


@dataclass(frozen=True)
class FittedAdapter:
    """`arrays`, float32, by kind: orthogonal (from, to); low_rank (from, to), (from, rank),
    (rank, to), (to,); residual (from, to), (from, h), (h,), (h, to), (to,)."""

    kind: str
    arrays: tuple[np.ndarray, ...]

    @property
    def data(self) -> bytes:
        return b"".join(np.ascontiguousarray(a, np.float32).tobytes() for a in self.arrays)

    @property
    def shapes(self) -> list[list[int]]:
        return [list(array.shape) for array in self.arrays]

    @property
    def checksum(self) -> str:
        return hashlib.sha256(repr((self.kind, self.shapes)).encode() + self.data).hexdigest()


def unpack(kind: str, data: bytes, shapes: Sequence[Sequence[int]]) -> FittedAdapter:
    """Returns the adapter with this `data` and these `shapes`. Raises ValueError if they differ in
    size."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    numbers = np.frombuffer(data, np.float32)
    if kind not in KINDS or len(numbers) != sum(sizes):
        raise ValueError(f"{len(numbers)} numbers are no adapter of kind {kind!r}.")
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    arrays = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return FittedAdapter(kind, tuple(arrays))


def adapt(adapter: FittedAdapter, vectors: np.ndarray) -> np.ndarray:
    """Maps vectors of the new space (n, from) → float32 (n, to) in the old space, unit length."""
    x = np.asarray(vectors, np.float32)
    if adapter.kind == "orthogonal":
        (rotation,) = adapter.arrays
        y = x @ rotation
    elif adapter.kind == "low_rank":
        rotation, down, up, shift = adapter.arrays
        y = x @ rotation + x @ down @ up + shift
    else:
        linear, directions, thresholds, weights, shift = adapter.arrays
        y = x @ linear + _random_features(x, directions, thresholds) @ weights + shift
    return y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12)


def fit(kind: str, new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """Fits an adapter of this kind. Deterministic. Raises ValueError for fewer than two pairs."""
    if len(new) != len(old) or len(new) < 2:
        raise ValueError("An adapter is fitted on at least two pairs of vectors.")
    x, y = np.asarray(new, np.float64), np.asarray(old, np.float64)
    return {"orthogonal": fit_orthogonal, "low_rank": fit_low_rank, "residual": fit_residual}[kind](
        x, y
    )


def fit_orthogonal(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """Fits the rotation or reflection that brings `new` nearest to `old` (Schönemann's solution of
    the orthogonal Procrustes problem, 1966). It keeps all angles if the dimensions are the same."""
    return FittedAdapter("orthogonal", (_to_float32(_fit_rotation(new, old)),))


def fit_low_rank(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """Fits the rotation of `fit_orthogonal`, plus an affine map of its residuals: ridge regression,
    cut to the fewest directions that keep MIN_ENERGY of the fit (reduced-rank regression, Izenman
    1975). The penalty of a small sample then shrinks the map to a rotation, and not to zero."""
    rotation = _fit_rotation(new, old)
    residuals = old - new @ rotation
    affine, centre = ridge(new, residuals), new.mean(axis=0)
    fitted = (new - centre) @ affine.weights
    energies, axes = np.linalg.eigh(fitted.T @ fitted)
    share = np.cumsum(energies[::-1]) / max(energies.sum(), 1e-300)
    axes = axes[:, ::-1][:, : int(np.searchsorted(share, MIN_ENERGY)) + 1]
    down, up = affine.weights @ axes, axes.T
    shift = residuals.mean(axis=0) - centre @ down @ up  # the mean of the residuals stays exact
    return FittedAdapter("low_rank", tuple(map(_to_float32, (rotation, down, up, shift))))


def fit_residual(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """Fits the rotation and affine map of `fit_low_rank`, at full rank, and a map from
    RANDOM_FEATURES random ReLU features (Rahimi and Recht 2008), fitted to the leave-one-out
    residuals of the first two."""
    rotation = _fit_rotation(new, old)
    affine = ridge(new, old - new @ rotation)
    random = np.random.default_rng(0)
    directions = random.normal(size=(new.shape[1], RANDOM_FEATURES))
    thresholds = -np.median(new @ directions, axis=0)  # each feature is 0 for half of the sample
    features = _random_features(new, directions, thresholds)
    nonlinear = ridge(features, affine.residuals)
    arrays = (
        rotation + affine.weights,
        directions,
        thresholds,
        nonlinear.weights,
        affine.shift + nonlinear.shift,
    )
    return FittedAdapter("residual", tuple(map(_to_float32, arrays)))


@dataclass(frozen=True)
class Ridge:
    """An affine map, `weights` (d, m) and `shift` (m,). `residuals` (n, m): the leave-one-out
    residuals, of each row and its prediction from the other rows."""

    weights: np.ndarray
    shift: np.ndarray
    residuals: np.ndarray


def ridge(inputs: np.ndarray, outputs: np.ndarray) -> Ridge:
    """Fits outputs (n, m) to inputs (n, d) by ridge regression. Chooses the penalty of PENALTIES,
    times the mean energy of the inputs per direction, with the smallest leave-one-out error (PRESS,
    Allen 1974)."""
    mean_in, mean_out = inputs.mean(axis=0), outputs.mean(axis=0)
    centred, targets = inputs - mean_in, outputs - mean_out
    left, scales, axes = _decompose(centred)
    spread = left.T @ targets
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for penalty in np.multiply(PENALTIES, (scales**2).mean() if len(scales) else 1.0):
        shrink = scales**2 / (scales**2 + penalty)
        leverage = (left**2) @ shrink + 1 / len(inputs)
        residuals = targets - left @ (shrink[:, None] * spread)
        residuals /= np.maximum(1 - leverage, 1e-9)[:, None]
        error = float((residuals**2).sum())
        if best is None or error < best[0]:
            best = error, shrink / scales, residuals
    assert best is not None
    weights = axes @ (best[1][:, None] * spread)
    return Ridge(weights, mean_out - mean_in @ weights, best[2])


def _fit_rotation(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(new.T @ old, full_matrices=False)
    return left @ right


def _decompose(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the singular value decomposition (n, k), (k,), (d, k), without singular values near
    zero. It uses the smaller of the two moments, which is cheaper than the SVD of an oblong
    matrix."""
    tall = len(matrix) >= matrix.shape[1]
    energies, vectors = np.linalg.eigh(matrix.T @ matrix if tall else matrix @ matrix.T)
    kept = energies > 1e-12 * max(energies[-1], 1e-300)
    scales, vectors = np.sqrt(energies[kept]), vectors[:, kept]
    if tall:
        return matrix @ vectors / scales, scales, vectors
    return vectors, scales, matrix.T @ vectors / scales


def _random_features(x: np.ndarray, directions: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return np.maximum(x @ directions + thresholds, 0)


def _to_float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
