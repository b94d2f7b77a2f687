"""From the bytes of a photo to the pixels an encoder takes."""

import numpy as np

from catalog.imaging.image_decoding import ImageLimits, decode_image
from catalog.visual.preprocessing import Preprocessing


def decode_pixels(data: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> np.ndarray:
    """uint8 (height, width, 3). JPEGs are decoded at a reduced scale that is still at least what
    the encoder takes. Raises ImageError."""
    at_least = max(preprocessing.height, preprocessing.width)
    return preprocessing.pixels(decode_image(data, at_least=at_least, limits=limits))
