"""Fast encoders for tests, which encode the colours of a photo. Neighbours have similar colours."""

import re
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor

from catalog.visual.encoder import Encoder
from catalog.visual.preprocessing import Preprocessing

LEVELS = 4  # of each of red, green and blue
SIDE = 32  # pixels


class HistogramEncoder(Encoder):
    """Encodes an image as the square root of its 4×4×4 histogram of colours, rotated into 512
    numbers. The rotation depends on the name, so encoders of different names share no space. A text
    is encoded as equal parts of the colours that it names."""

    def __init__(self, name: str = "histogram") -> None:
        self.name = name
        self.checksum = name.encode().hex().ljust(64, "0")[:64]
        self.dimensions = 512
        self.preprocessing = Preprocessing(
            SIDE, SIDE, (0.5,) * 3, (0.5,) * 3, interpolation="bilinear", resize_mode="squash"
        )
        self.encoded = 0  # images
        random = np.random.default_rng(list(name.encode()))
        square, _ = np.linalg.qr(random.normal(size=(self.dimensions, LEVELS**3)))
        self._rotation = square.T.astype(np.float32)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.encoded += len(pixels)
        return self._rotated(np.stack([histogram(image) for image in pixels]))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._rotated(np.stack([colours_named(text) for text in texts]))

    def _rotated(self, histograms: np.ndarray) -> np.ndarray:
        roots = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))
        return (roots @ self._rotation).astype(np.float32)


class BlindEncoder(HistogramEncoder):
    """Encodes the photos of the catalogue as usual, and all query photos as the same vector."""

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return np.full((len(images), self.dimensions), self.dimensions**-0.5, np.float32)


class BentEncoder(HistogramEncoder):
    """Imitates further training of `histogram`: its vectors are rotated into another number of
    dimensions, with a small nonlinear term."""

    def __init__(self, name: str, dimensions: int) -> None:
        super().__init__(name)
        self.dimensions = dimensions
        random = np.random.default_rng(dimensions)
        size = max(dimensions, LEVELS**3)
        turn, fold = (np.linalg.qr(random.normal(size=(size, LEVELS**3)))[0].T for _ in range(2))
        self._turn, self._fold = turn[:, :dimensions], fold[:, :dimensions]

    def _rotated(self, histograms: np.ndarray) -> np.ndarray:
        roots = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))
        bent = roots @ self._turn + 0.2 * np.tanh(4 * roots @ self._fold)
        return (bent / np.linalg.norm(bent, axis=1, keepdims=True)).astype(np.float32)


class StrangeEncoder(HistogramEncoder):
    """Encodes each histogram as a random vector. Equal photos have equal vectors, but similar
    photos have not, so no adapter fits."""

    def _rotated(self, histograms: np.ndarray) -> np.ndarray:
        seeds = [[7, *map(int, row)] for row in histograms]
        vectors = np.stack([np.random.default_rng(seed).normal(size=512) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make_encoders() -> dict[str, HistogramEncoder]:
    """Returns all encoders by name. `histogram` and `other` share no space. `bent` and `wide` (640
    numbers) are versions of `histogram`, and `strange` is not."""
    return {
        "histogram": HistogramEncoder("histogram"),
        "other": HistogramEncoder("other"),
        "bent": BentEncoder("bent", 512),
        "wide": BentEncoder("wide", 640),
        "strange": StrangeEncoder("strange"),
    }


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Returns the number of pixels, uint8 (height, width, 3), of each of the 64 colours."""
    levels = (pixels.reshape(-1, 3) // (256 // LEVELS)).astype(int)
    return np.bincount(levels @ [LEVELS**2, LEVELS, 1], minlength=LEVELS**3).astype(np.float64)


def colours_named(text: str) -> np.ndarray:
    """Returns the histogram of the colours that `text` names, or of all colours if it names
    none."""
    named = [word for word in re.findall(r"[a-z]+", text.lower()) if word in ImageColor.colormap]
    if not named:
        return np.ones(LEVELS**3)
    return histogram(np.array([[ImageColor.getrgb(word)[:3] for word in named]], np.uint8))
