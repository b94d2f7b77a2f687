"""The linear projection from an encoder's dimensions (512 for the starter encoder) to the 128 of
the graph index."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FittedProjection:
    """`matrix`: float32 (dimensions, encoder dimensions); `explained`: the share of the sample's
    energy that the projection keeps, 0 to 1."""

    matrix: np.ndarray
    explained: float

    @property
    def checksum(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.matrix, np.float32).tobytes()).hexdigest()


def fit_projection(vectors: np.ndarray, dimensions: int) -> FittedProjection:
    """Returns the principal axes of `vectors` (n, d), not centred. They preserve inner products as
    well as `dimensions` numbers can (Eckart and Young, 1936). If the space has fewer dimensions,
    the other rows are zeros. Deterministic: the largest entry of each axis is positive."""
    sample = np.asarray(vectors, np.float64)
    if sample.ndim != 2 or not len(sample):
        raise ValueError("A projection is fitted on at least one vector.")
    return fit_from_moment(sample.T @ sample, dimensions)


def fit_from_moment(moment: np.ndarray, dimensions: int) -> FittedProjection:
    """Does the same as `fit_projection`, from the sum of the vectors' outer products, float64 (d,
    d). The sum can be computed in parts, for a sample of any size."""
    energies, axes = np.linalg.eigh(moment)
    kept = min(dimensions, len(moment))
    axes = axes[:, ::-1][:, :kept].T
    signs = np.sign(axes[np.arange(kept), np.abs(axes).argmax(axis=1)])
    matrix = np.zeros((dimensions, len(moment)), np.float32)
    matrix[:kept] = axes * signs[:, None]
    explained = float(energies[::-1][:kept].sum() / max(energies.sum(), 1e-12))
    return FittedProjection(matrix, min(explained, 1.0))


def project(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Projects unit vectors (n, d) by `matrix` → float32 (n, dimensions), unit length."""
    projected = np.asarray(vectors, np.float32) @ matrix.T
    return projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)
