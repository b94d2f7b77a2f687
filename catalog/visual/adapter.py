"""Adapters: from the space of a new encoder's queries to the space of stored vectors, so that a new
encoder can ask an index that an old one made (Vejendla, "Drift-Adapter", 2025, arXiv 2509.23471).

`new` and `old` are unit vectors of the same photos or words, float (n, from) and (n, to), row by
row; the sizes may differ. `fit` makes an adapter, `adapt` uses it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KINDS = ("orthogonal", "low_rank", "residual")
"""From the plainest to the most flexible."""

PENALTIES = tuple(10.0**power for power in range(-6, 4))
ENERGY = 0.9  # of the fitted vectors, that a low rank must keep
FEATURES = 256  # bent ones, of a residual


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
    """What `FittedAdapter.data` and `.shapes` were taken from. Raises ValueError when they do not
    belong together."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    numbers = np.frombuffer(data, np.float32)
    if kind not in KINDS or len(numbers) != sum(sizes):
        raise ValueError(f"{len(numbers)} numbers are no adapter of kind {kind!r}.")
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    arrays = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return FittedAdapter(kind, tuple(arrays))


def adapt(adapter: FittedAdapter, vectors: np.ndarray) -> np.ndarray:
    """Vectors of the new space (n, from) → of the old one, float32 (n, to), unit length."""
    x = np.asarray(vectors, np.float32)
    if adapter.kind == "orthogonal":
        (turn,) = adapter.arrays
        y = x @ turn
    elif adapter.kind == "low_rank":
        turn, down, up, shift = adapter.arrays
        y = x @ turn + x @ down @ up + shift
    else:
        straight, directions, thresholds, bent, shift = adapter.arrays
        y = x @ straight + _bent(x, directions, thresholds) @ bent + shift
    return y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12)


def fit(kind: str, new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """An adapter of that kind. Deterministic. Raises ValueError for fewer than two pairs."""
    if len(new) != len(old) or len(new) < 2:
        raise ValueError("An adapter is fitted on at least two pairs of vectors.")
    x, y = np.asarray(new, np.float64), np.asarray(old, np.float64)
    return {"orthogonal": fit_orthogonal, "low_rank": fit_low_rank, "residual": fit_residual}[kind](
        x, y
    )


def fit_orthogonal(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """The turn (and mirroring) that brings `new` nearest to `old` (Schönemann's solution of the
    orthogonal Procrustes problem, 1966). Keeps all angles where the sizes are the same."""
    return FittedAdapter("orthogonal", (_small(_turn(new, old)),))


def fit_low_rank(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """That turn, and an affine map to what it leaves over: by ridge regression, cut to the fewest
    directions that keep ENERGY of what it gives (reduced-rank regression, Izenman 1975). Begun
    from the turn, a sample too small to tell draws it to a turn, not to nothing."""
    turn = _turn(new, old)
    left_over = old - new @ turn
    line, centre = ridge(new, left_over), new.mean(axis=0)
    fitted = (new - centre) @ line.weights
    energies, axes = np.linalg.eigh(fitted.T @ fitted)
    share = np.cumsum(energies[::-1]) / max(energies.sum(), 1e-300)
    axes = axes[:, ::-1][:, : int(np.searchsorted(share, ENERGY)) + 1]
    down, up = line.weights @ axes, axes.T
    shift = left_over.mean(axis=0) - centre @ down @ up  # what is cut away stays at the middle
    return FittedAdapter("low_rank", tuple(map(_small, (turn, down, up, shift))))


def fit_residual(new: np.ndarray, old: np.ndarray) -> FittedAdapter:
    """That turn, an affine map uncut, and another one from FEATURES random directions, bent by a
    ReLU (random features, Rahimi and Recht 2008), to what these miss on rows left out."""
    turn = _turn(new, old)
    line = ridge(new, old - new @ turn)
    random = np.random.default_rng(0)
    directions = random.normal(size=(new.shape[1], FEATURES))
    thresholds = -np.median(new @ directions, axis=0)  # half of the sample on each side of a bend
    bend = ridge(_bent(new, directions, thresholds), line.missed)
    arrays = (turn + line.weights, directions, thresholds, bend.weights, line.shift + bend.shift)
    return FittedAdapter("residual", tuple(map(_small, arrays)))


@dataclass(frozen=True)
class Ridge:
    """An affine map, `weights` (d, m) and `shift` (m,); `missed` (n, m): how far each row is from
    what the others alone would have predicted for it."""

    weights: np.ndarray
    shift: np.ndarray
    missed: np.ndarray


def ridge(inputs: np.ndarray, outputs: np.ndarray) -> Ridge:
    """The map of inputs (n, d) to outputs (n, m) with the least squared error and penalty: that of
    PENALTIES, times the inputs' mean energy a direction, which misses least (PRESS, Allen 1974)."""
    mean_in, mean_out = inputs.mean(axis=0), outputs.mean(axis=0)
    centred, targets = inputs - mean_in, outputs - mean_out
    left, scales, axes = _decomposed(centred)
    spread = left.T @ targets
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for penalty in np.multiply(PENALTIES, (scales**2).mean() if len(scales) else 1.0):
        shrink = scales**2 / (scales**2 + penalty)
        leverage = (left**2) @ shrink + 1 / len(inputs)
        missed = targets - left @ (shrink[:, None] * spread)
        missed /= np.maximum(1 - leverage, 1e-9)[:, None]
        error = float((missed**2).sum())
        if best is None or error < best[0]:
            best = error, shrink / scales, missed
    assert best is not None
    weights = axes @ (best[1][:, None] * spread)
    return Ridge(weights, mean_out - mean_in @ weights, best[2])


def _turn(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(new.T @ old, full_matrices=False)
    return left @ right


def _decomposed(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The singular value decomposition (n, k), (k,), (d, k), without what is nearly nothing; from
    the smaller of the two moments, which is cheaper than the SVD of an oblong matrix."""
    tall = len(matrix) >= matrix.shape[1]
    energies, vectors = np.linalg.eigh(matrix.T @ matrix if tall else matrix @ matrix.T)
    kept = energies > 1e-12 * max(energies[-1], 1e-300)
    scales, vectors = np.sqrt(energies[kept]), vectors[:, kept]
    if tall:
        return matrix @ vectors / scales, scales, vectors
    return vectors, scales, matrix.T @ vectors / scales


def _bent(x: np.ndarray, directions: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return np.maximum(x @ directions + thresholds, 0)


def _small(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
