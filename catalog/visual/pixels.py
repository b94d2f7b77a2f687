"""Decodes photos to the input pixels of an encoder."""

import numpy as np

from catalog.imaging.image_decoding import ImageLimits, decode_image
from catalog.visual.preprocessing import Preprocessing


def decode_pixels(data: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> np.ndarray:
    """The bytes of a photo → uint8 (height, width, 3). JPEGs are decoded at a reduced scale, which
    is never smaller than the encoder's input. Raises ImageError."""
    at_least = max(preprocessing.height, preprocessing.width)
    return preprocessing.pixels(decode_image(data, at_least=at_least, limits=limits))
