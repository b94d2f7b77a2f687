"""The interface of object detectors, through which searches find the objects in a photo."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from PIL import Image

from catalog.imaging.image_decoding import Box
from catalog.visual.encoder import Encoder

MAX_OBJECTS = 5  # detections of one photo
MIN_SIDE = 0.02  # of a detection, as a share of the photo's width and of its height
MAX_OVERLAP = 0.5  # intersection over union of two detections, before their margins are added


@dataclass(frozen=True)
class Detection:
    """An object in a photo. `box`: x, y, w, h as fractions (0 to 1) of the upright photo, with a
    margin, ready to be cropped; `confidence`: 0 to 1."""

    box: Box
    confidence: float


@dataclass(frozen=True)
class PhotoObjects:
    """The detections in a photo, by falling confidence. `single`: the probability that the photo is
    of one object, whose parts the detections may be; None if the detector does not tell."""

    detections: list[Detection]
    single: float | None = None


class Detector(ABC):
    """Finds objects in photos. An instance belongs to one encoder, and any number of threads may
    use it. `tests/catalog/detection/test_detectors.py` runs the same tests on every detector."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @classmethod
    @abstractmethod
    def for_encoder(cls, encoder: Encoder) -> "Detector | None":
        """Returns the detector for photos that `encoder` encodes, or None if it has none. Every
        search calls this, so a detector with a model of its own keeps the model loaded."""

    @abstractmethod
    def detect(self, images: Sequence[Image.Image]) -> list[list[Detection]]:
        """Returns the detections of each upright RGB image, of any size, by falling confidence: at
        most MAX_OBJECTS, no side shorter than MIN_SIDE, no two that overlap by more than
        MAX_OVERLAP. Each image gives the same detections alone as among others. Raises
        EncoderError."""

    def encode_and_detect(
        self, images: Sequence[Image.Image]
    ) -> tuple[np.ndarray, list[PhotoObjects]]:
        """Returns the result of `Encoder.encode_images`, and for each image the result of `detect`
        with the probability that it is of one object. Override this method in a detector that gets
        these from one pass, or that tells the probability."""
        found = [PhotoObjects(detections) for detections in self.detect(images)]
        return self.encoder.encode_images(images), found


def detector_for(encoder: Encoder) -> Detector | None:
    """Returns the detector for photos that `encoder` encodes, of the class that the setting
    DETECTOR names. Returns None if the class does not support the encoder: searches then use whole
    photos."""
    detector: type[Detector] = import_string(settings.DETECTOR)
    return detector.for_encoder(encoder)
