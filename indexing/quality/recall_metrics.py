"""Pure figures of retrieval, on unit vectors: how often the right thing is found, and how far two
ways of asking agree."""

import numpy as np

AT_ONCE = 512  # queries


def own_ranks(
    queries: np.ndarray,
    labels: np.ndarray,
    gallery: np.ndarray,
    owners: np.ndarray,
    place: np.ndarray,
) -> np.ndarray:
    """The rank, 1 for the first, at which each query finds its label, int (q,).

    `queries` (q, d) and `gallery` (n, d) lie in one space; `labels` (q,) and `owners` (n,) say what
    they show; the best vector of each label counts. `place` (q,) is where the query's own vector
    stands in the gallery, or -1: it is passed over where its label has another.
    """
    return np.concatenate(
        [
            _ranks(queries[part], labels[part], gallery, owners, place[part])
            for part in _parts(len(queries))
        ]
    )


def recall_at(ranks: np.ndarray, k: int) -> float:
    """The share of `ranks` up to `k`, 0 to 1; 0 of none."""
    return float((ranks <= k).mean()) if len(ranks) else 0.0


def agreement(
    first: np.ndarray, second: np.ndarray, gallery: np.ndarray, place: np.ndarray, k: int
) -> float:
    """The mean share that the `k` nearest of two forms of the same queries, both (q, d) in the
    space of `gallery` (n, d), have in common, the query's own vector left out; 0 of none."""
    shares = []
    for part in _parts(len(first)):
        near, other = (_nearest(q[part], gallery, place[part], k) for q in (first, second))
        shares += [len(set(a) & set(b)) / len(a) for a, b in zip(near, other, strict=True)]
    return float(np.mean(shares)) if shares else 0.0


def _ranks(
    queries: np.ndarray,
    labels: np.ndarray,
    gallery: np.ndarray,
    owners: np.ndarray,
    place: np.ndarray,
) -> np.ndarray:
    scores = queries @ gallery.T
    known, number, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    mine = np.searchsorted(known, labels)
    if (known[np.minimum(mine, len(known) - 1)] != labels).any():
        raise ValueError("A query's label is not in the gallery.")
    passed = np.flatnonzero((place >= 0) & (sizes[mine] > 1))
    scores[passed, place[passed]] = -np.inf
    order = np.argsort(number, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    best = np.maximum.reduceat(scores[:, order], starts, axis=1)
    return 1 + (best > best[np.arange(len(queries)), mine][:, None]).sum(axis=1)


def _nearest(queries: np.ndarray, gallery: np.ndarray, place: np.ndarray, k: int) -> np.ndarray:
    scores = queries @ gallery.T
    there = np.flatnonzero(place >= 0)
    scores[there, place[there]] = -np.inf
    return np.argpartition(-scores, min(k, len(gallery)) - 1, axis=1)[:, :k]


def _parts(count: int) -> list[slice]:
    return [slice(start, start + AT_ONCE) for start in range(0, count, AT_ONCE)] or [slice(0, 0)]
