"""An encoder for tests that also sees where things are: patches of one colour on white."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from catalog.detection.objects import ObjectSettings
from catalog.index.live_index import live_index
from catalog.visual.encoder import Look
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from search.ranking.blank_photos import blanks_of
from search.serving.admission import Deadline
from tests.indexing.conftest import empty_tables
from tests.indexing.histogram_encoder import LEVELS, HistogramEncoder
from tests.indexing.shop import add_product, photo

COLOURS = ("red", "blue", "lime", "yellow", "magenta", "cyan", "black", "white", "gray", "olive")
CELLS = 16
LEAST_PIXELS = 8  # fewer are the blurred edge of something


class ColourSpotter(HistogramEncoder):
    """A thing is what has one colour that is not white: the larger, the surer. `looked` counts the
    photos looked at, `encoded` (as before) all that became vectors in another way."""

    def __init__(self) -> None:
        super().__init__("spotter")
        self.objects = ObjectSettings(threshold=0.5, margin=0.0)
        self.looked = 0

    def look(self, pixels: np.ndarray) -> Look:
        self.looked += len(pixels)
        vectors = self.encode_pixels(pixels)
        self.encoded -= len(pixels)
        return Look(vectors, np.stack([spots(image) for image in pixels]))


def spots(pixels: np.ndarray) -> np.ndarray:
    """uint8 (height, width, 3) → candidates (CELLS, 5): score 0.5 and half of the share of the
    photo, box; the rest zeros."""
    height, width, _ = pixels.shape
    colours = (pixels // (256 // LEVELS)) @ [LEVELS**2, LEVELS, 1]
    found = np.zeros((CELLS, 5), np.float32)
    cell = 0
    for colour in range(LEVELS**3 - 1):  # the last is white
        rows, columns = np.nonzero(colours == colour)
        if len(rows) < LEAST_PIXELS:
            continue
        box = columns.min() / width, rows.min() / height
        box += (columns.max() + 1) / width, (rows.max() + 1) / height
        found[cell] = 0.5 + len(rows) / (2 * height * width), *box
        cell += 1
    return found


def scene(*things: tuple[Any, tuple[int, int, int, int]]) -> Image.Image:
    """White, 320 × 240, with each colour in its left, top, right, bottom."""
    photo = Image.new("RGB", (320, 240), "white")
    for colour, edges in things:
        photo.paste(colour, edges)
    return photo


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def fill_shop(spotter: ColourSpotter) -> None:
    """A product of each of COLOURS, its name for a sku, and nothing else; indexed and live."""
    empty_tables()
    for colour in COLOURS:
        add_product(colour, photo(colour, "PNG"))
    work_on(start_rebuild())
    blanks_of(live_index(), Deadline())
    spotter.encoded = spotter.looked = 0
