"""The detector that ships with the starter encoder: an object head on the encoder's image tower.

The head and the embedding come from one pass over the photo, so detection costs almost nothing.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from catalog.detection.detector import (
    MAX_OBJECTS,
    MAX_OVERLAP,
    MIN_SIDE,
    Detection,
    Detector,
    PhotoObjects,
)
from catalog.detection.overlaps import suppress_overlaps
from catalog.imaging.image_decoding import Box
from catalog.visual.encoder import Encoder, ObjectHeadSettings
from catalog.visual.preprocessing import Preprocessing


class ObjectHeadDetector(Detector):
    """Detects objects with the object head of the encoder."""

    @classmethod
    def for_encoder(cls, encoder: Encoder) -> "ObjectHeadDetector | None":
        return cls(encoder) if encoder.object_head else None

    def detect(self, images: Sequence[Image.Image]) -> list[list[Detection]]:
        return [found.detections for found in self.encode_and_detect(images)[1]]

    def encode_and_detect(
        self, images: Sequence[Image.Image]
    ) -> tuple[np.ndarray, list[PhotoObjects]]:
        if not images:
            return self.encoder.encode_images(images), []
        preprocessing, head = self.encoder.preprocessing, self.encoder.object_head
        assert head is not None
        output = self.encoder.run_object_head(preprocessing.batch(images))
        single = [None] * len(images) if output.single is None else output.single.tolist()
        return output.vectors, [
            PhotoObjects(read_cells(cells, image.size, preprocessing, head), probability)
            for image, cells, probability in zip(images, output.cells, single, strict=True)
        ]


def read_cells(
    cells: np.ndarray,
    size: tuple[int, int],
    preprocessing: Preprocessing,
    settings: ObjectHeadSettings,
) -> list[Detection]:
    """Returns the detections of a photo of `size` (width, height). `cells`: float32 (cells, 5), the
    output of the object head for that photo: a score, and x1, y1, x2, y2 as fractions of the
    encoder's input."""
    confident = cells[cells[:, 0] >= settings.threshold].astype(np.float64)
    boxes = np.clip(preprocessing.to_photo(confident[:, 1:], size), 0, 1)
    large = (boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE).all(axis=1)
    boxes, scores = boxes[large], confident[large, 0]
    return [
        Detection(_add_margin(boxes[i], settings.margin), float(scores[i]))
        for i in suppress_overlaps(boxes, scores, MAX_OVERLAP, MAX_OBJECTS)
    ]


def _add_margin(box: np.ndarray, margin: float) -> Box:
    added = margin * (box[2:] - box[:2])
    left, top = np.maximum(box[:2] - added, 0)
    right, bottom = np.minimum(box[2:] + added, 1)
    return float(left), float(top), float(right - left), float(bottom - top)
