"""Photos that strangers send, decoded in processes that can be ended."""

import math
from collections.abc import Sequence

from django.conf import settings
from PIL import Image

from catalog.detection.detector import detector_for
from catalog.imaging.decoder_process import DecoderPool
from catalog.imaging.image_decoding import WHOLE, Box, ImageLimits
from catalog.visual.encoder import Encoder
from search.request import RequestError
from search.serving.admission import Budget, Deadline

DETAIL = 4  # an object of a quarter of the photo's side is as sharp as the encoder can use
CPU_S = 1.0  # processor time that decoding the photos of a query may take, of whatever size
CPU_S_PER_MB = 1.0  # and for each megabyte: a real photo takes a tenth of that

decoders = DecoderPool(settings.DECODERS)
decoded_photos = Budget(max(16, settings.IMAGES_PER_QUERY))  # of up to 6 megapixels, 24 MB each


def decode_query(
    photos: Sequence[bytes], box: Box | None, encoder: Encoder, deadline: Deadline
) -> list[Image.Image]:
    """RGB images, the first cut to `box`; whole ones large enough to cut objects out. Raises
    ImageError or RequestError (Overloaded is one)."""
    images = []
    for number, data in enumerate(photos):
        part = checked_box(box) if number == 0 else WHOLE
        side = useful_side(part, encoder)
        images.append(decode_within(deadline, data, part, side, CPU_S / len(photos)))
    return images


def decode_within(
    deadline: Deadline, data: bytes, box: Box, at_least: int, cpu_s: float = CPU_S
) -> Image.Image:
    """As `decode_image`, in a process of its own, within `cpu_s` and what the size of the file adds
    to it. Raises ImageError or Overloaded."""
    with deadline.enforced():
        return decoders.decode(
            data,
            box=box,
            at_least=at_least,
            limits=ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS),
            cpu_s=cpu_s + CPU_S_PER_MB * len(data) / 1e6,
            wait_s=deadline.left(),
        )


def useful_side(box: Box, encoder: Encoder) -> int:
    """The smallest side of a photo's part, in pixels, that the encoder can use: of a whole photo,
    objects are cut out."""
    size = max(encoder.preprocessing.height, encoder.preprocessing.width)
    return size * DETAIL if box == WHOLE and detector_for(encoder) else size


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
