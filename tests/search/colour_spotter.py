"""A detector for tests, which finds patches of one colour on white, and its encoder."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

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
from catalog.index.live_index import live_index
from catalog.visual.encoder import Encoder
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from search.query.blank_photos import encode_blanks
from search.serving.deadline import Deadline
from tests.indexing.conftest import empty_tables
from tests.indexing.histogram_encoder import LEVELS, HistogramEncoder
from tests.indexing.shop import add_product, photo

COLOURS = ("red", "blue", "lime", "yellow", "magenta", "cyan", "black", "white", "gray", "olive")
DETECTOR = f"{__name__}.ColourDetector"
WHITE = LEVELS**3 - 1


class ColourSpotter(HistogramEncoder):
    """The encoder that ColourDetector belongs to. `detected_in` counts the photos that went through
    the detector, `encoded` the images that were encoded. `single`: the probability that a photo is
    of one object, as the detector tells it."""

    single: float | None = None

    def __init__(self) -> None:
        super().__init__("spotter")
        self.detected_in = 0


class ColourDetector(Detector):
    """All pixels of one colour other than white are one object. A larger object has a higher
    confidence: 0.5 plus half its share of the photo."""

    @classmethod
    def for_encoder(cls, encoder: Encoder) -> "ColourDetector | None":
        return cls(encoder) if isinstance(encoder, ColourSpotter) else None

    def detect(self, images: Sequence[Image.Image]) -> list[list[Detection]]:
        assert isinstance(self.encoder, ColourSpotter)
        self.encoder.detected_in += len(images)
        return [find_patches(image) for image in images]

    def encode_and_detect(
        self, images: Sequence[Image.Image]
    ) -> tuple[np.ndarray, list[PhotoObjects]]:
        assert isinstance(self.encoder, ColourSpotter)
        vectors, found = super().encode_and_detect(images)
        return vectors, [replace(objects, single=self.encoder.single) for objects in found]


def find_patches(image: Image.Image) -> list[Detection]:
    """Returns the patches of a photo, the highest confidence first."""
    colours = (np.asarray(image) // (256 // LEVELS)) @ [LEVELS**2, LEVELS, 1]
    height, width = colours.shape
    boxes, scores = [], []
    for colour in np.setdiff1d(colours, [WHITE]):
        rows, columns = np.nonzero(colours == colour)
        left, top = columns.min() / width, rows.min() / height
        right, bottom = (columns.max() + 1) / width, (rows.max() + 1) / height
        if min(right - left, bottom - top) >= MIN_SIDE:
            boxes.append((left, top, right, bottom))
            scores.append(0.5 + len(rows) / (2 * height * width))
    corners, confidence = np.array(boxes).reshape(-1, 4), np.array(scores)
    return [
        Detection((x1, y1, x2 - x1, y2 - y1), float(confidence[i]))
        for i in suppress_overlaps(corners, confidence, MAX_OVERLAP, MAX_OBJECTS)
        for x1, y1, x2, y2 in [map(float, corners[i])]
    ]


def scene(*things: tuple[Any, tuple[int, int, int, int]]) -> Image.Image:
    """Returns a white photo of 320 × 240 pixels with each colour in its rectangle (left, top,
    right, bottom)."""
    photo = Image.new("RGB", (320, 240), "white")
    for colour, edges in things:
        photo.paste(colour, edges)
    return photo


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def fill_shop(spotter: ColourSpotter) -> None:
    """Indexes and publishes a shop of one product for each of COLOURS, with the colour as its
    sku."""
    empty_tables()
    for colour in COLOURS:
        add_product(colour, photo(colour, "PNG"))
    work_on(start_rebuild())
    encode_blanks(live_index(), Deadline())
    spotter.encoded = spotter.detected_in = 0
