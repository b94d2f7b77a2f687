"""The linear map from an encoder's 512 numbers to the 128 that the graph index searches."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FittedProjection:
    """`matrix`: float32 (dimensions, encoder dimensions); `explained`: the share of the sample's
    energy that it keeps, 0 to 1."""

    matrix: np.ndarray
    explained: float

    @property
    def checksum(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.matrix, np.float32).tobytes()).hexdigest()


def fit_projection(vectors: np.ndarray, dimensions: int) -> FittedProjection:
    """Principal axes of `vectors` (n, d), not centred, so that inner products are kept as well as
    `dimensions` numbers can keep them (Eckart and Young, 1936). With fewer dimensions in the space
    than asked for, the rest is zeros. Deterministic: the largest entry of each axis is positive."""
    sample = np.asarray(vectors, np.float64)
    if sample.ndim != 2 or not len(sample):
        raise ValueError("A projection is fitted on at least one vector.")
    return fit_from_moment(sample.T @ sample, dimensions)


def fit_from_moment(moment: np.ndarray, dimensions: int) -> FittedProjection:
    """As `fit_projection`, from the sum of the vectors' outer products, float64 (d, d): that can be
    added up in parts, whatever the size of the sample."""
    energies, axes = np.linalg.eigh(moment)
    kept = min(dimensions, len(moment))
    axes = axes[:, ::-1][:, :kept].T
    signs = np.sign(axes[np.arange(kept), np.abs(axes).argmax(axis=1)])
    matrix = np.zeros((dimensions, len(moment)), np.float32)
    matrix[:kept] = axes * signs[:, None]
    explained = float(energies[::-1][:kept].sum() / max(energies.sum(), 1e-12))
    return FittedProjection(matrix, min(explained, 1.0))


def project(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Unit-length vectors (n, d) → unit-length float32 (n, dimensions) by `matrix`."""
    small = np.asarray(vectors, np.float32) @ matrix.T
    return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-12)
