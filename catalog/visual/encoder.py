"""The interface of encoders: batches of images and texts → float32 vectors of unit length."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from catalog.visual.errors import EncoderError
from catalog.visual.preprocessing import Preprocessing

BATCH_SIZE = 16  # images that `encode_ahead` encodes at once

Key = TypeVar("Key")


@dataclass(frozen=True)
class ObjectHeadSettings:
    """The settings that work best with one trained object head. `threshold`: the lowest score of an
    object; `margin`: added to a box on each side, as a share of its width and height."""

    threshold: float = 0.2
    margin: float = 0.04


@dataclass(frozen=True)
class ObjectHeadOutput:
    """The result of one pass over n photos. `vectors`: float32 (n, dimensions), as of
    `encode_pixels`; `cells`: float32 (n, cells, 5), for each cell of the object head a score (0 to
    1) and x1, y1, x2, y2 as fractions of the encoder's input; `single`: float32 (n,), the
    probability that a photo is of one object, or None from a head that does not tell."""

    vectors: np.ndarray
    cells: np.ndarray
    single: np.ndarray | None = None


class Encoder(ABC):
    """A vision-language model. Any number of threads may use it at the same time.

    `object_head`: the settings of its object head, or None if it has none. `share`: whether
    requests of several threads are computed together; tests and benchmarks turn it off to
    compare."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    object_head: ObjectHeadSettings | None = None
    share = True

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Encodes RGB images → float32 of shape (n, dimensions), each row of unit length."""
        if not images:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_pixels(self.preprocessing.batch(images))

    @abstractmethod
    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Encodes uint8 of shape (n, height, width, 3), the output of `preprocessing` → float32 of
        shape (n, dimensions), each row of unit length."""

    def encode_batch(self, pixels: np.ndarray) -> np.ndarray:
        """Does the same as `encode_pixels`, in one batch on all threads even if others call too."""
        return self.encode_pixels(pixels)

    def run_object_head(self, pixels: np.ndarray) -> ObjectHeadOutput:
        """Returns the vectors and the output of the object head for uint8 as in `encode_pixels`,
        from one pass. Raises EncoderError if the encoder has no object head."""
        raise EncoderError(f"The encoder {self.name!r} has no object head.")

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        """Encodes many photos with the highest throughput. Takes pairs of a key and pixels, uint8
        (height, width, 3), and yields each key with its vector (dimensions,), in order; the vectors
        are those of `encode_pixels`. Encodes the next photos while the consumer handles the
        last."""
        upcoming = iter(items)
        encoded: tuple[list[Key], Future[np.ndarray]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="encode") as thread:
            while batch := list(islice(upcoming, BATCH_SIZE)):
                keys, pixels = [key for key, _ in batch], np.stack([pixels for _, pixels in batch])
                encoding = keys, thread.submit(self.encode_pixels, pixels)
                if encoded is not None:
                    yield from zip(encoded[0], encoded[1].result(), strict=True)
                encoded = encoding
            if encoded is not None:
                yield from zip(encoded[0], encoded[1].result(), strict=True)

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Encodes texts, truncated to the model's context → float32 of shape (n, dimensions), each
        row of unit length."""
