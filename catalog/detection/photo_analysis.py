"""The vectors of a query's photos and of the objects in them, and which of these a search uses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.detection.detector import Detection, detector_for
from catalog.imaging.image_decoding import crop_to_box
from catalog.index.vectors import combine, mean_direction
from catalog.visual.encoder import Encoder


@dataclass(frozen=True)
class PhotoAnalysis:
    """A photo's vectors and detections. `vector`: float32 (d,), of the whole photo, or of the box
    that the shopper chose; `detections`: the objects in the photo, by falling confidence;
    `crop_vectors`: float32 (k, d), of the first k objects; `encoder_checksum`: of the encoder that
    made all vectors."""

    vector: np.ndarray
    detections: list[Detection]
    crop_vectors: np.ndarray
    encoder_checksum: str


@dataclass(frozen=True)
class Target:
    """A target of a search: a unit vector (d,), the number of the object in the photo that it
    shows, and the confidence of the detection, 0 to 1."""

    vector: np.ndarray
    object: int | None = None
    confidence: float = 1.0


def analyse_photos(
    images: Sequence[Image.Image], boxed: bool, encoder: Encoder
) -> list[PhotoAnalysis]:
    """Analyses the photos of one query. The first pass gives the vectors and detections of whole
    photos, the second pass the vectors of objects: of the likely objects of a single photo, or of
    the most confident object of each of several photos. If the first image is `boxed`, which means
    cut to the shopper's box, no objects are detected in it."""
    boxes, photos = (images[:1], images[1:]) if boxed else ([], images)
    vectors, detections = _encode_and_detect(photos, encoder)
    detections = [[] for _ in boxes] + detections
    max_crops = None if len(images) == 1 else 1
    chosen = [keep_likely(found)[:max_crops] for found in detections]
    crops = [
        crop_to_box(image, detection.box)
        for image, found in zip(images, chosen, strict=True)
        for detection in found
    ]
    encoded = encoder.encode_images([*boxes, *crops])
    whole = [*encoded[: len(boxes)], *vectors]
    ends = np.cumsum([len(found) for found in chosen])[:-1]
    crop_vectors = np.split(encoded[len(boxes) :], ends)
    return [
        PhotoAnalysis(*parts, encoder.checksum)
        for parts in zip(whole, detections, crop_vectors, strict=True)
    ]


def keep_likely(detections: Sequence[Detection]) -> list[Detection]:
    """Returns the detections that are at least OBJECT_LEAST times as confident as the first one.
    Shoppers rarely search for the others."""
    return [
        detection
        for detection in detections
        if detection.confidence >= settings.OBJECT_LEAST * detections[0].confidence
    ]


def _encode_and_detect(
    images: Sequence[Image.Image], encoder: Encoder
) -> tuple[np.ndarray, list[list[Detection]]]:
    """Returns (vectors, detections) of the photos. Without a detector, there are no detections."""
    detector = detector_for(encoder)
    if detector is None:
        return encoder.encode_images(images), [[] for _ in images]
    return detector.encode_and_detect(images)


def choose_targets(analyses: Sequence[PhotoAnalysis]) -> list[Target]:
    """Returns what a search by these photos looks for. A single photo may show several objects,
    each a target. Several photos show one object: the target is the mean of the most confident
    object in each."""
    if len(analyses) > 1:
        best = [a.crop_vectors[0] if len(a.crop_vectors) else a.vector for a in analyses]
        return [Target(mean_direction(np.stack(best)))]
    return [
        target
        for analysis in analyses
        for target in build_targets(analysis, settings.OBJECT_SURROUNDINGS)
    ]


def build_targets(analysis: PhotoAnalysis, surroundings: float) -> list[Target]:
    """Returns a target for each object of a photo: the vector of its crop, plus the vector of the
    whole photo with the weight `surroundings`. A photo without objects is one target. Ranking
    decides which of the objects the shopper wants, once it knows their results
    (`search.ranking.scoring.rank_by_object`).
    """
    if not len(analysis.crop_vectors):
        return [Target(analysis.vector)]
    return [
        Target(
            combine([(1.0, crop), (surroundings, analysis.vector)]), number, detection.confidence
        )
        for number, (crop, detection) in enumerate(
            zip(analysis.crop_vectors, analysis.detections, strict=False)
        )
    ]
