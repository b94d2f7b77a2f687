"""Turns catalogue photos into photos that a shopper could have taken or cut out of them."""

from random import Random

from PIL import Image, ImageOps

from indexing.training.pictures.augment import (
    chance,
    crop_around,
    degrade_photo,
    fit_to_square,
    recolour_image,
)

DETAIL_SHARE = 0.4  # of the photos; the others show nearly the whole view
MIN_DETAIL_AREA, MAX_DETAIL_AREA = 0.12, 0.5  # of the view
MAX_STRETCH = 1.4  # of a crop's sides against those of the view


def vary_view(view: Image.Image, size: int, rng: Random) -> Image.Image:
    """Crops an RGB view to a detail or to nearly the whole, mirrors, recolours and degrades it.
    Returns a square of `size` pixels."""
    low, high = (MIN_DETAIL_AREA, MAX_DETAIL_AREA) if chance(rng, DETAIL_SHARE) else (0.5, 1.0)
    side, stretch = rng.uniform(low, high) ** 0.5, rng.uniform(1, MAX_STRETCH) ** 0.5
    width, height = (side * stretch, side / stretch)
    if chance(rng, 0.5):
        width, height = height, width
    width, height = min(1.0, width), min(1.0, height)
    box = (rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height)
    photo = crop_around(view, box, (0.0,) * 4)
    if chance(rng, 0.5):
        photo = ImageOps.mirror(photo)
    return fit_to_square(degrade_photo(recolour_image(photo, rng, 0.8), rng), size)
