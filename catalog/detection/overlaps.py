"""Overlaps of boxes. Pure functions on arrays."""

import numpy as np


def suppress_overlaps(
    boxes: np.ndarray, scores: np.ndarray, max_overlap: float, max_boxes: int
) -> list[int]:
    """Greedy non-maximum suppression. Returns indices into `boxes` (n, 4: x1, y1, x2, y2) by
    falling score, at most `max_boxes`, without the boxes whose intersection over union with a
    better one is greater than `max_overlap`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < max_boxes:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[intersection_over_union(boxes[best], boxes[order]) <= max_overlap]
    return kept


def intersection_over_union(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the intersection over union of `box` (4,) with each of `boxes` (n, 4: x1, y1, x2, y2)
    → (n,), 0 to 1."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / np.maximum(area + areas - shared, 1e-12)
