"""Blank photos: photos of one colour, or almost one. Encoders place them close together and far
from photos of objects. A photo counts as blank if its vector is close to the vector of a blank
photo."""

import numpy as np
from PIL import Image

SIDE = 256
COLOURS = [
    *("white", "black", "gray", "silver", "beige", "saddlebrown", "firebrick", "darkorange"),
    *("gold", "forestgreen", "turquoise", "royalblue", "midnightblue", "purple", "pink"),
    "#302520",  # a lens in a pocket
]
SEED = 1


def blank_photos() -> list[Image.Image]:
    """Returns an RGB photo of each of COLOURS."""
    return [Image.new("RGB", (SIDE, SIDE), colour) for colour in COLOURS]


def nearly_blank_photos() -> list[Image.Image]:
    """Returns three RGB photos for each of COLOURS that look like a camera's photos of an empty
    surface: light that falls off to one side or to the corners, or blurred patches, with noise.
    Deterministic."""
    random = np.random.default_rng(SEED)
    photos = []
    for photo in blank_photos():
        pixels = np.asarray(photo, np.float32)
        for light in (_light_from_a_side, _vignette, _patches):
            noise = random.normal(0, random.uniform(0, 6), pixels.shape)
            lit = pixels * light(random)[..., None] + noise
            photos.append(Image.fromarray(lit.clip(0, 255).astype(np.uint8)))
    return photos


def closeness(vectors: np.ndarray, blanks: np.ndarray) -> np.ndarray:
    """Returns the greatest cosine of each unit vector (n, d) with the vectors `blanks` (b, d) →
    (n,)."""
    return (vectors @ blanks.T).max(axis=1)


def _light_from_a_side(random: np.random.Generator) -> np.ndarray:
    """Returns light that falls off from one side to the other, float32 (SIDE, SIDE)."""
    angle, darkest = random.uniform(0, 2 * np.pi), random.uniform(0.5, 0.9)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    along = (x * np.cos(angle) + y * np.sin(angle)) / (2 * np.sqrt(2)) + 0.5
    return darkest + (1 - darkest) * along


def _vignette(random: np.random.Generator) -> np.ndarray:
    """Returns light that falls off to the corners, float32 (SIDE, SIDE)."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return 1 - random.uniform(0.1, 0.5) * (x * x + y * y) / 2


def _patches(random: np.random.Generator) -> np.ndarray:
    """Returns blurred patches of light and shadow, float32 (SIDE, SIDE)."""
    few = random.uniform(80, 255, (4, 4)).astype(np.uint8)
    smooth = Image.fromarray(few).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / 255
