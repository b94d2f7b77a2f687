"""Retrieval metrics on unit vectors, as pure functions: ranks, recall, and the agreement of two
sets of queries."""

import numpy as np

QUERIES_PER_BATCH = 512


def rank_labels(
    queries: np.ndarray,
    labels: np.ndarray,
    gallery: np.ndarray,
    owners: np.ndarray,
    own: np.ndarray,
) -> np.ndarray:
    """Returns the rank at which each query finds its label, int (q,), 1 for the first.

    `queries` (q, d) and `gallery` (n, d) are vectors of one space. `labels` (q,) and `owners` (n,)
    are their products. The best vector of each product counts. `own` (q,) is the index of the
    query's own vector in the gallery, or -1. That vector is left out if its product has another.
    """
    return np.concatenate(
        [
            _rank_batch(queries[part], labels[part], gallery, owners, own[part])
            for part in _batches(len(queries))
        ]
    )


def recall_at(ranks: np.ndarray, k: int) -> float:
    """Returns the share of `ranks` up to `k`, 0 to 1; 0 if there are no ranks."""
    return float((ranks <= k).mean()) if len(ranks) else 0.0


def measure_agreement(
    first: np.ndarray, second: np.ndarray, gallery: np.ndarray, own: np.ndarray, k: int
) -> float:
    """Returns the mean share of common vectors among the `k` nearest of two encodings of the same
    queries; 0 if there are no queries.

    `first` and `second` are (q, d), in the space of `gallery` (n, d). `own` is as in
    `rank_labels`; the query's own vector is left out."""
    shares = []
    for part in _batches(len(first)):
        near, other = (_find_nearest(q[part], gallery, own[part], k) for q in (first, second))
        shares += [len(set(a) & set(b)) / len(a) for a, b in zip(near, other, strict=True)]
    return float(np.mean(shares)) if shares else 0.0


def _rank_batch(
    queries: np.ndarray,
    labels: np.ndarray,
    gallery: np.ndarray,
    owners: np.ndarray,
    own: np.ndarray,
) -> np.ndarray:
    scores = queries @ gallery.T
    known, number, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    label_index = np.searchsorted(known, labels)
    if (known[np.minimum(label_index, len(known) - 1)] != labels).any():
        raise ValueError("A query's label is not in the gallery.")
    left_out = np.flatnonzero((own >= 0) & (sizes[label_index] > 1))
    scores[left_out, own[left_out]] = -np.inf
    order = np.argsort(number, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(scores[:, order], starts, axis=1)
    return 1 + (best > best[np.arange(len(queries)), label_index][:, None]).sum(axis=1)


def _find_nearest(queries: np.ndarray, gallery: np.ndarray, own: np.ndarray, k: int) -> np.ndarray:
    scores = queries @ gallery.T
    present = np.flatnonzero(own >= 0)
    scores[present, own[present]] = -np.inf
    return np.argpartition(-scores, min(k, len(gallery)) - 1, axis=1)[:, :k]


def _batches(count: int) -> list[slice]:
    return [
        slice(start, start + QUERIES_PER_BATCH) for start in range(0, count, QUERIES_PER_BATCH)
    ] or [slice(0, 0)]
