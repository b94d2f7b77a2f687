"""Augmentations that make a picture look like a shopper's photo. Each takes a `random.Random`, so
the same seed gives the same pictures."""

import math
from io import BytesIO
from random import Random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

BILINEAR = Image.Resampling.BILINEAR


def chance(rng: Random, probability: float) -> bool:
    return rng.random() < probability


def recolour_image(image: Image.Image, rng: Random, strength: float = 1.0) -> Image.Image:
    """Varies brightness, contrast, saturation and white balance of an RGB image."""
    for enhancer, spread in (
        (ImageEnhance.Brightness, 0.2),
        (ImageEnhance.Contrast, 0.18),
        (ImageEnhance.Color, 0.18),
    ):
        if chance(rng, 0.8):
            image = enhancer(image).enhance(max(0.3, rng.gauss(1, spread * strength)))
    if chance(rng, 0.5):
        gains = [max(0.6, rng.gauss(1, 0.07 * strength)) for _ in range(3)]
        table = [min(255, int(value * gain)) for gain in gains for value in range(256)]
        image = image.point(table)
    return image


def light_from_side(image: Image.Image, rng: Random) -> Image.Image:
    """Makes one side of the image brighter than the other."""
    along_x = chance(rng, 0.5)
    length = image.width if along_x else image.height
    light = np.linspace(rng.uniform(0.5, 1.1), rng.uniform(0.8, 1.4), length)
    pixels = np.asarray(image) * (light[None, :, None] if along_x else light[:, None, None])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def distort_cutout(cutout: Image.Image, rng: Random) -> Image.Image:
    """Mirrors, stretches, shears and rotates an RGBA cut-out a little, and crops it to its
    content."""
    if chance(rng, 0.3):
        cutout = ImageOps.mirror(cutout)
    if chance(rng, 0.5):
        wider, taller = (1 + rng.uniform(-0.18, 0.18) for _ in range(2))
        size = max(8, int(cutout.width * wider)), max(8, int(cutout.height * taller))
        shear = rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.1)
        matrix = (1 / wider, shear[0], 0, shear[1], 1 / taller, 0)
        cutout = cutout.transform(size, Image.Transform.AFFINE, matrix, BILINEAR)
    if chance(rng, 0.6):
        cutout = cutout.rotate(rng.gauss(0, 9), BILINEAR, expand=True)
    return cutout.crop(cutout.getchannel("A").getbbox() or (0, 0, *cutout.size))


def degrade_photo(image: Image.Image, rng: Random) -> Image.Image:
    """Adds the defects of a phone photo at random: blur, low resolution, noise, colour casts and
    JPEG artefacts."""
    if chance(rng, 0.35):
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    if chance(rng, 0.25):
        part = rng.uniform(0.3, 0.7)
        small = max(1, int(image.width * part)), max(1, int(image.height * part))
        image = image.resize(small, BILINEAR).resize(image.size, BILINEAR)
    if chance(rng, 0.3):
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(image.size[::-1])
        pixels = np.asarray(image) + noise[:, :, None].astype(np.float32) * rng.uniform(3, 14)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if chance(rng, 0.5):
        image = recolour_image(image, rng, 0.6)
    if chance(rng, 0.5):
        file = BytesIO()
        image.save(file, "JPEG", quality=rng.randint(30, 90))
        image = Image.open(file).convert("RGB")
    return image


def crop_around(
    image: Image.Image, box: tuple[float, float, float, float], margins: tuple[float, ...]
) -> Image.Image:
    """Crops a photo to `box` (x, y, w, h, each 0 to 1) and `margins` around it (left, top, right,
    bottom, as shares of the box's sides), within the photo."""
    x, y, w, h = box
    left, top = max(0.0, x - margins[0] * w), max(0.0, y - margins[1] * h)
    right, bottom = min(1.0, x + w * (1 + margins[2])), min(1.0, y + h * (1 + margins[3]))
    width, height = image.size
    corner = int(left * width), int(top * height)
    return image.crop(
        (
            *corner,
            max(corner[0] + 1, math.ceil(right * width)),
            max(corner[1] + 1, math.ceil(bottom * height)),
        )
    )


def draw_box_margins(rng: Random) -> tuple[float, ...]:
    """Draws the margins (left, top, right, bottom) of an imprecise box; a negative one cuts the
    object."""
    return tuple(rng.uniform(-0.07, 0.22 if chance(rng, 0.8) else 0.9) for _ in range(4))


def fit_to_square(image: Image.Image, size: int, fill: str = "white") -> Image.Image:
    """Fits the whole image into a square of `size` pixels and fills the rest."""
    ratio = size / max(image.size)
    shape = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    image = image.resize(shape, BILINEAR)
    if shape == (size, size):
        return image
    square = Image.new("RGB", (size, size), fill)
    square.paste(image, ((size - shape[0]) // 2, (size - shape[1]) // 2))
    return square
