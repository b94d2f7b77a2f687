"""Photos that show nothing: of one colour, or nearly. Encoders put them close together, apart from
photos of things: a photo shows nothing if its vector is close to that of a blank one."""

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
    """One RGB photo of each of COLOURS."""
    return [Image.new("RGB", (SIDE, SIDE), colour) for colour in COLOURS]


def nearly_blank_photos() -> list[Image.Image]:
    """Three RGB photos about each of COLOURS, as a camera takes them of nothing: light that falls
    off to a side or to the corners, blurred patches, noise. The same ones every time."""
    random = np.random.default_rng(SEED)
    photos = []
    for photo in blank_photos():
        pixels = np.asarray(photo, np.float32)
        for light in (_falling_off, _vignette, _patches):
            noise = random.normal(0, random.uniform(0, 6), pixels.shape)
            lit = pixels * light(random)[..., None] + noise
            photos.append(Image.fromarray(lit.clip(0, 255).astype(np.uint8)))
    return photos


def closeness(vectors: np.ndarray, blanks: np.ndarray) -> np.ndarray:
    """The greatest cosine, (n,), of each unit vector (n, d) with those of `blanks`, (b, d)."""
    return (vectors @ blanks.T).max(axis=1)


def _falling_off(random: np.random.Generator) -> np.ndarray:
    """float32 (SIDE, SIDE): less light from one side to the other."""
    angle, least = random.uniform(0, 2 * np.pi), random.uniform(0.5, 0.9)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    along = (x * np.cos(angle) + y * np.sin(angle)) / (2 * np.sqrt(2)) + 0.5
    return least + (1 - least) * along


def _vignette(random: np.random.Generator) -> np.ndarray:
    """The same: less light in the corners."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return 1 - random.uniform(0.1, 0.5) * (x * x + y * y) / 2


def _patches(random: np.random.Generator) -> np.ndarray:
    """The same: blurred patches of light and shadow."""
    few = random.uniform(80, 255, (4, 4)).astype(np.uint8)
    smooth = Image.fromarray(few).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / 255
