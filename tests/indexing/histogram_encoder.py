"""Encoders for tests that see colours: fast, with neighbours that mean something."""

import re
from collections.abc import Sequence

import numpy as np
from PIL import ImageColor

from catalog.visual.encoder import Encoder
from catalog.visual.preprocessing import Preprocessing

LEVELS = 4  # of each of red, green and blue
SIDE = 32  # pixels


class HistogramEncoder(Encoder):
    """The square root of a 4×4×4 histogram of colours, turned into 512 numbers by a rotation that
    depends on the name: two encoders of different names share no space. A text is the colours that
    it names, in equal parts."""

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


class BentEncoder(HistogramEncoder):
    """As if `histogram` had been trained further: its vectors, turned to another number of
    dimensions by a rotation of its own, and bent a little."""

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
    """Knows every photo again, but photos that are alike lie anywhere: no adapter leads out of its
    space."""

    def _rotated(self, histograms: np.ndarray) -> np.ndarray:
        seeds = [[7, *map(int, row)] for row in histograms]
        vectors = np.stack([np.random.default_rng(seed).normal(size=512) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make_encoders() -> dict[str, HistogramEncoder]:
    """All of them by name. `histogram` and `other` share no space; `bent` and `wide` (640 numbers)
    are versions of `histogram`, `strange` is none."""
    return {
        "histogram": HistogramEncoder("histogram"),
        "other": HistogramEncoder("other"),
        "bent": BentEncoder("bent", 512),
        "wide": BentEncoder("wide", 640),
        "strange": StrangeEncoder("strange"),
    }


def histogram(pixels: np.ndarray) -> np.ndarray:
    """uint8 (height, width, 3) → how many pixels of each of the 64 colours."""
    levels = (pixels.reshape(-1, 3) // (256 // LEVELS)).astype(int)
    return np.bincount(levels @ [LEVELS**2, LEVELS, 1], minlength=LEVELS**3).astype(np.float64)


def colours_named(text: str) -> np.ndarray:
    """A histogram of the colours that stand in `text`; of all colours where there are none."""
    named = [word for word in re.findall(r"[a-z]+", text.lower()) if word in ImageColor.colormap]
    if not named:
        return np.ones(LEVELS**3)
    return histogram(np.array([[ImageColor.getrgb(word)[:3] for word in named]], np.uint8))
