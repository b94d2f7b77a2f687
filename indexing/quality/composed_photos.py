"""Composes shoppers' photos of products that have one photo only: the product, cut out of its
photo, before another background."""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.imaging.image_decoding import ImageError, decode_image
from catalog.models import ProductImage
from catalog.quality.self_test import HeldOutView
from indexing.ledger.chunking import Check
from indexing.training.pictures.cutouts import MAX_SIDE, cut_out
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds

PHOTO_SIDE = 288  # pixels
PRODUCTS_AT_ONCE = 16  # held in memory; some get into the photos of the others

log = logging.getLogger("vitrina.indexing")


Encode = Callable[[Sequence[Image.Image]], np.ndarray]
"""Turns n photos, RGB, into unit vectors, float32 (n, dimensions)."""


def encode_composed_photos(
    views: Sequence[HeldOutView], encoders: Sequence[Encode], check: Check
) -> tuple[list[HeldOutView], list[np.ndarray]]:
    """Composes a photo for each of the first COMPOSED_PHOTOS views, and encodes it by each encoder.
    Returns the views whose file can be read, n of them, and the vectors by each encoder, float32
    (n, dimensions)."""
    views = views[: settings.COMPOSED_PHOTOS]
    composed = compose_photos(views)
    kept: list[HeldOutView] = []
    vectors: list[list[np.ndarray]] = [[] for _ in encoders]
    while batch := list(islice(composed, PRODUCTS_AT_ONCE)):
        kept += [view for view, _ in batch]
        for encode, parts in zip(encoders, vectors, strict=True):
            parts.append(encode([photo for _, photo in batch]))
        check()
    if unread := len(views) - len(kept):
        log.warning("%s photos of the self-test cannot be read", unread)
    return kept, [np.concatenate(parts) if parts else np.empty((0, 0)) for parts in vectors]


def compose_photos(views: Sequence[HeldOutView]) -> Iterator[tuple[HeldOutView, Image.Image]]:
    """Yields a photo for each view, RGB. Leaves out views whose file cannot be read. The id of the
    product is the seed, so its photo hardly changes from one call to the next."""
    backgrounds = read_backgrounds() if views else []
    for start in range(0, len(views), PRODUCTS_AT_ONCE):
        cutouts = list(_cut_out_products(views[start : start + PRODUCTS_AT_ONCE]))
        photos = ShopperPhotos([[cutout] for _, cutout in cutouts], backgrounds)
        for number, (view, _) in enumerate(cutouts):
            yield view, photos.make_close_up(number, 0, PHOTO_SIDE, Random(view.product_id))


def _cut_out_products(views: Sequence[HeldOutView]) -> Iterator[tuple[HeldOutView, Image.Image]]:
    rows = ProductImage.objects.filter(
        product_id__in=[view.product_id for view in views], pk__in=[view.image_id for view in views]
    )
    images = {image.pk: image for image in rows}
    for view in views:
        try:
            with images[view.image_id].file.open("rb") as file:
                yield view, cut_out(decode_image(file.read(), at_least=MAX_SIDE))
        except (KeyError, OSError, ImageError):
            continue  # the photo has been removed or damaged since it was embedded
