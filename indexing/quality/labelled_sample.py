"""Reads the photos of LABELLED_PHOTOS, whose product is known, for gates and calibrations."""

import logging
from pathlib import Path

from django.conf import settings
from PIL import Image

from catalog.imaging.image_decoding import ImageError, crop_to_box, decode_image
from catalog.models import Product
from catalog.quality.labelled_photos import LabelledPhoto, PhotosError, read_photos

log = logging.getLogger("vitrina.indexing")


def read_labelled_photos() -> list[tuple[int, LabelledPhoto]]:
    """Returns (product id, photo) of each photo whose product is in the catalogue. If the list
    cannot be read, logs a warning and returns an empty list."""
    try:
        photos = read_photos(Path(settings.LABELLED_PHOTOS)) if settings.LABELLED_PHOTOS else []
    except PhotosError as error:
        log.warning("no labelled photos: %s", error)
        return []
    products = Product.objects.filter(sku__in={photo.sku for photo in photos})
    ids = dict(products.values_list("sku", "id"))
    return [(ids[photo.sku], photo) for photo in photos if photo.sku in ids]


def open_labelled_photo(photo: LabelledPhoto) -> Image.Image | None:
    """Returns the photo, RGB, cropped to its box. If it cannot be read, logs a warning and returns
    None."""
    try:
        image = decode_image(photo.path.read_bytes())
    except (OSError, ImageError) as error:
        log.warning("labelled photo %s is left out: %s", photo.path.name, error)
        return None
    return crop_to_box(image, photo.box) if photo.box else image
