"""Decodes the photos that shoppers send, in child processes with limits."""

from collections.abc import Sequence

from django.conf import settings
from PIL import Image

from catalog.detection.detector import detector_for
from catalog.imaging.decoder_process import DecoderPool
from catalog.imaging.image_decoding import WHOLE, Box, ImageLimits
from catalog.visual.encoder import Encoder
from search.request import checked_box
from search.serving.admission import Budget
from search.serving.deadline import Deadline

OBJECT_DETAIL = 4  # the crop of an object at 1/4 of the photo's width fills the encoder's input
MAX_CPU_S = 1.0  # processor time to decode the photos of a query, all together
MAX_CPU_S_PER_MB = 1.0  # in addition, for each megabyte; real photos need a tenth of it

decoders = DecoderPool(settings.DECODERS)
# A decoded photo has up to 6 megapixels and takes up to 24 MB.
decoded_photos = Budget(max(16, settings.IMAGES_PER_QUERY))


def decode_query(
    photos: Sequence[bytes], box: Box | None, encoder: Encoder, deadline: Deadline
) -> list[Image.Image]:
    """Decodes photos to RGB images and crops the first one to `box`. Whole photos keep enough
    detail to crop objects out of them. Raises ImageError or RequestError (Overloaded is one)."""
    images = []
    for number, data in enumerate(photos):
        part = checked_box(box) if number == 0 else WHOLE
        side = useful_side(part, encoder)
        images.append(decode_within(deadline, data, part, side, MAX_CPU_S / len(photos)))
    return images


def decode_within(
    deadline: Deadline, data: bytes, box: Box, at_least: int, cpu_s: float = MAX_CPU_S
) -> Image.Image:
    """Decodes a photo as `decode_image` does, in a child process. The process may use `cpu_s`
    seconds of processor time and MAX_CPU_S_PER_MB more for each megabyte. Raises ImageError or
    Overloaded."""
    with deadline.enforced():
        return decoders.decode(
            data,
            box=box,
            at_least=at_least,
            limits=ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS),
            cpu_s=cpu_s + MAX_CPU_S_PER_MB * len(data) / 1e6,
            wait_s=deadline.left(),
        )


def useful_side(box: Box, encoder: Encoder) -> int:
    """Returns the side in pixels beyond which the encoder gains nothing from this part of a photo.
    Whole photos need more pixels, because objects are cropped out of them."""
    size = max(encoder.preprocessing.height, encoder.preprocessing.width)
    return size * OBJECT_DETAIL if box == WHOLE and detector_for(encoder) else size
