"""The views of a catalogue photo: the whole photo, its middle, and its mirror image. The mean of
their vectors is the photo's embedding.

Shoppers photograph a part of a product, or its other side. Averaging the outputs of one network
over such views is test-time augmentation: https://arxiv.org/abs/1409.1556 averages crops and
mirror images."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from PIL import Image

from catalog.imaging.image_decoding import ImageLimits, decode_image
from catalog.index.vectors import mean_direction
from catalog.visual.encoder import Encoder
from catalog.visual.preprocessing import Preprocessing

MIDDLE = 0.8  # of the width and of the height
VIEWS = 3

Key = TypeVar("Key")


def decode_views(data: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> np.ndarray:
    """The bytes of a photo → the pixels of its views, uint8 (VIEWS, height, width, 3). JPEGs are
    decoded at a reduced scale, at which no view is smaller than the encoder's input. Raises
    ImageError."""
    at_least = round(max(preprocessing.height, preprocessing.width) / MIDDLE)
    image = decode_image(data, at_least=at_least, limits=limits)
    whole = preprocessing.pixels(image)
    return np.stack([whole, preprocessing.pixels(cut_middle(image)), whole[:, ::-1]])


def cut_middle(image: Image.Image) -> Image.Image:
    """Returns the middle of an image, MIDDLE of its width and height and at least a pixel."""
    left, top = (round(side * (1 - MIDDLE) / 2) for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def encode_views(
    encoder: Encoder, decoded: Iterable[tuple[Key, np.ndarray]]
) -> Iterator[tuple[Key, np.ndarray]]:
    """Encodes photos, given as pairs of a key and the pixels of `decode_views`. Yields each key
    with the photo's embedding, float32 (dimensions,), unit length, in order."""
    views = ((key, pixels) for key, each in decoded for pixels in each)
    encoded = encoder.encode_ahead(views)
    for group in zip(*[encoded] * VIEWS, strict=True):
        yield group[0][0], mean_direction(np.stack([vector for _, vector in group]))
