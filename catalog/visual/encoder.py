"""The encoder: images and texts in by batch, unit-length float32 vectors out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from catalog.detection.objects import ObjectSettings
from catalog.visual.preprocessing import Preprocessing


@dataclass(frozen=True)
class Look:
    """What one pass over n photos gives. `vectors`: float32 (n, dimensions), as of
    `encode_pixels`; `candidates`: float32 (n, cells, 5), each a score and x1, y1, x2, y2 as
    fractions of the encoder's input (see `detection.objects`), or None without an object head."""

    vectors: np.ndarray
    candidates: np.ndarray | None


BATCH = 16  # images encoded at once, where nobody says otherwise
AHEAD = 32  # images that `encode_ahead` has in hand on CPU, at least

Key = TypeVar("Key")


class Encoder(ABC):
    """One vision-language model, ready to use from any number of threads."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    objects: ObjectSettings | None = None  # of its object head, if it has one
    share = True  # what threads ask for at the same time is computed together; off to compare

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """RGB images → float32 of shape (n, dimensions), each row of unit length."""
        if not images:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_pixels(self.preprocessing.batch(images))

    @abstractmethod
    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 of shape (n, height, width, 3), as `preprocessing` makes it → as above."""

    def encode_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The same, as one batch on all that there is to compute with, whatever else goes on."""
        return self.encode_pixels(pixels)

    def look(self, pixels: np.ndarray) -> Look:
        """uint8 as for `encode_pixels` → its vectors, and where things are in each photo."""
        return Look(self.encode_pixels(pixels), None)

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        """For many photos, in the fastest manner there is: takes pairs of anything and pixels,
        uint8 (height, width, 3), and gives each thing with its vector (dimensions,), in order, the
        same that `encode_pixels` gives. Encodes the next ones while the taker is at the last."""
        upcoming = iter(items)
        encoded: tuple[list[Key], Future[np.ndarray]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="encode") as thread:
            while batch := list(islice(upcoming, BATCH)):
                keys, pixels = [key for key, _ in batch], np.stack([pixels for _, pixels in batch])
                encoding = keys, thread.submit(self.encode_pixels, pixels)
                if encoded is not None:
                    yield from zip(encoded[0], encoded[1].result(), strict=True)
                encoded = encoding
            if encoded is not None:
                yield from zip(encoded[0], encoded[1].result(), strict=True)

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts, cut to the model's context → float32 of shape (n, dimensions), unit length."""
