"""From the cells of an object head to the things in a photo. Pure functions on arrays."""

from dataclasses import dataclass

import numpy as np

from catalog.visual.preprocessing import Preprocessing

MOST_OBJECTS = 5
SAME_THING = 0.5  # intersection over union from which two boxes are of one thing
LEAST_SIDE = 0.02  # of the photo's


@dataclass(frozen=True)
class ObjectSettings:
    """What was found best for one trained head. `threshold`: the least score of an object;
    `margin`: what is added to a box on each side, as a share of its width and height."""

    threshold: float = 0.2
    margin: float = 0.04


@dataclass(frozen=True)
class PhotoObject:
    """A thing in a photo. `box`: x, y, w, h as fractions (0 to 1) of the upright photo, with the
    margin, ready to be cropped; `score`: 0 to 1."""

    box: tuple[float, float, float, float]
    score: float


def objects_in(
    candidates: np.ndarray,
    size: tuple[int, int],
    preprocessing: Preprocessing,
    settings: ObjectSettings,
) -> list[PhotoObject]:
    """The things in a photo of `size` (width, height), the surest first, at most MOST_OBJECTS.
    `candidates`: float32 (cells, 5) of the head for that photo: score, and x1, y1, x2, y2 as
    fractions of the encoder's input."""
    sure = candidates[candidates[:, 0] >= settings.threshold].astype(np.float64)
    boxes = np.clip(preprocessing.to_photo(sure[:, 1:], size), 0, 1)
    large = (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE).all(axis=1)
    boxes, scores = boxes[large], sure[large, 0]
    return [
        PhotoObject(_with_margin(boxes[i], settings.margin), float(scores[i]))
        for i in best_of_overlapping(boxes, scores, SAME_THING, MOST_OBJECTS)
    ]


def best_of_overlapping(boxes: np.ndarray, scores: np.ndarray, iou: float, most: int) -> list[int]:
    """Greedy non-maximum suppression: indices into `boxes` (n, 4: x1, y1, x2, y2), the greatest
    score first, leaving out what overlaps a better one by more than `iou`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best], boxes[order]) <= iou]
    return kept


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of `box` (4,) with each of `boxes` (n, 4) → (n,), 0 to 1."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / np.maximum(area + areas - shared, 1e-12)


def _with_margin(box: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    added = margin * (box[2:] - box[:2])
    left, top = np.maximum(box[:2] - added, 0)
    right, bottom = np.minimum(box[2:] + added, 1)
    return float(left), float(top), float(right - left), float(bottom - top)
