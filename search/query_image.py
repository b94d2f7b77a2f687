"""The photo of a query: decoded, cut to its box, and kept for a while so that another box of it
can be asked for; with it, what was seen in it."""

import math
import re
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.core.cache import caches
from PIL import Image

from catalog.models.product import content_hash
from catalog.query_objects import SeenPhoto
from catalog.visual.encoder import Encoder
from catalog.visual.image_decoding import ImageError, ImageLimits, crop_to_box, decode_image
from search.request import Box, RequestError, SearchRequest

DETAIL = 4  # an object of a quarter of the photo's side is as sharp as the encoder can use
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
QUERY_ID = re.compile("[0-9a-f]{32}")
NAMED = 16  # of its digits say which photo it was


class QueryPhoto(NamedTuple):
    """A photo's file, its content hash, and what was seen in all of it when it was asked for
    before."""

    data: bytes
    name: str
    seen: SeenPhoto | None = None

    def seen_by(self, encoder: Encoder) -> SeenPhoto | None:
        """The same, if it was this encoder that saw it."""
        return self.seen if self.seen and self.seen.encoder == encoder.checksum else None


def query_photos(request: SearchRequest) -> list[QueryPhoto]:
    """The photos of the request: those it brings, or the one of an earlier query. Raises
    RequestError."""
    if len(request.images) > settings.IMAGES_PER_QUERY:
        raise RequestError(
            "parameter_invalid", f"Send at most {settings.IMAGES_PER_QUERY} images at once."
        )
    if request.images or not request.query:
        return [QueryPhoto(data, content_hash(data)) for data in request.images]
    known = QUERY_ID.fullmatch(request.query)
    kept = caches["query_photos"].get(request.query[:NAMED]) if known else None
    if kept is None:
        raise RequestError(
            "not_found", "That photo is not kept any more: send the image again.", 404
        )
    data, seen = kept
    return [QueryPhoto(data, content_hash(data), seen)]


def keep_photo(photos: Sequence[QueryPhoto], seen: SeenPhoto | None) -> str:
    """A new query id, under which the first photo, and what was seen in all of it, can be asked for
    again for a while. However often it is asked for, a photo is kept once."""
    query_id = uuid.uuid4().hex
    if not photos or not settings.QUERY_PHOTO_KEPT_S:
        return query_id
    name = photos[0].name[:NAMED]
    caches["query_photos"].set(name, (photos[0].data, seen), settings.QUERY_PHOTO_KEPT_S)
    return name + query_id[NAMED:]


def decode_query(photos: Sequence[bytes], box: Box | None, encoder: Encoder) -> list[Image.Image]:
    """RGB images, the first cut to `box`; whole ones large enough to cut objects out. Raises
    ImageError or RequestError."""
    images = []
    size = max(encoder.preprocessing.height, encoder.preprocessing.width)
    for number, data in enumerate(photos):
        part = checked_box(box) if number == 0 else WHOLE
        detail = DETAIL if part == WHOLE and encoder.objects else 1 / min(part[2], part[3])
        image = decode_image(data, at_least=math.ceil(size * detail), limits=image_limits())
        images.append(crop_to_box(image, part) if part != WHOLE else image)
    return images


def checked_box(box: Box | None) -> Box:
    """The box, or the whole photo without one. Raises RequestError where it is not inside the photo
    or has no area."""
    if box is None:
        return WHOLE
    x, y, width, height = box
    slack = 1e-3  # of rounding
    inside = x >= -slack and y >= -slack and x + width <= 1 + slack and y + height <= 1 + slack
    if not all(map(math.isfinite, box)) or not inside or min(width, height) < 0.005:
        raise RequestError(
            "box_invalid",
            "box must be x,y,w,h, each 0 to 1, inside the image, with some width and height.",
        )
    return box


def image_limits() -> ImageLimits:
    return ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)


__all__ = ["ImageError", "checked_box", "decode_query", "keep_photo", "query_photos"]
