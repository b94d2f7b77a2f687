"""The vectors of a query's photos and of the objects in them, and which of these a search uses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.detection.detector import Detection, PhotoObjects, detector_for
from catalog.imaging.image_decoding import Box, crop_to_box
from catalog.index.vectors import combine, mean_direction
from catalog.visual.encoder import Encoder

PROBABLY_SINGLE = 0.5  # of the probability that a photo is of one object
SURELY_SINGLE = 0.9  # of 228 photos of rooms, one reaches it
WHOLE_SURROUNDINGS = 0.5  # weight of the whole photo beside the crop of its only object
STRIP_ASPECT = 4.0  # how many times as long as wide a photo is of which nobody can tell the product


@dataclass(frozen=True)
class PhotoAnalysis:
    """A photo's vectors and detections. `vector`: float32 (d,), of the whole photo, or of the box
    that the shopper chose; `detections`: the objects in the photo, by falling confidence;
    `crop_vectors`: float32 (k, d), of the first k objects; `encoder_checksum`: of the encoder that
    made all vectors; `around_vector`: float32 (d,), of the crop around all detections, if they are
    probably parts of one object; `is_single`: whether they surely are; `is_strip`: whether the
    photo is much longer than wide, cut or squeezed. A box of a long product is not."""

    vector: np.ndarray
    detections: list[Detection]
    crop_vectors: np.ndarray
    encoder_checksum: str
    around_vector: np.ndarray | None = None
    is_single: bool = False
    is_strip: bool = False

    @property
    def crop_boxes(self) -> list[Box]:
        """The boxes that were encoded beside the whole photo."""
        around = [] if self.around_vector is None else [box_around(self.detections)]
        return [*(found.box for found in self.detections[: len(self.crop_vectors)]), *around]


@dataclass(frozen=True)
class Target:
    """A target of a search: a unit vector (d,), the number of the object in the photo that it shows
    (None for the whole photo), and the confidence that it is meant, 0 to 1. `is_strip`: as in
    PhotoAnalysis, of any of its photos."""

    vector: np.ndarray
    object: int | None = None
    confidence: float = 1.0
    is_strip: bool = False


def analyse_photos(
    images: Sequence[Image.Image], boxed: bool, encoder: Encoder
) -> list[PhotoAnalysis]:
    """Analyses the photos of one query. The first pass gives the vectors and detections of whole
    photos, the second pass the vectors of crops: of a single photo those that `choose_crops`
    chooses, of each of several photos its main object. If the first image is `boxed`, which means
    cut to the shopper's box, no objects are detected in it."""
    boxes, photos = (images[:1], images[1:]) if boxed else ([], images)
    vectors, found = _encode_and_detect(photos, encoder)
    found = [PhotoObjects([]) for _ in boxes] + found
    choose = choose_crops if len(images) == 1 else choose_main_crop
    crops = [choose(objects) for objects in found]
    cut = [
        crop_to_box(image, box)
        for image, chosen in zip(images, crops, strict=True)
        for box in chosen
    ]
    encoded = encoder.encode_images([*boxes, *cut])
    whole = [*encoded[: len(boxes)], *vectors]
    ends = np.cumsum([len(chosen) for chosen in crops])[:-1]
    analyses = []
    for number, (vector, objects, of_crops) in enumerate(
        zip(whole, found, np.split(encoded[len(boxes) :], ends), strict=True)
    ):
        around, is_single = None, False
        if are_parts(objects):
            of_crops, around = of_crops[:-1], of_crops[-1]
            is_single = are_parts(objects, SURELY_SINGLE)
        analyses.append(
            PhotoAnalysis(
                vector,
                objects.detections,
                of_crops,
                encoder.checksum,
                around,
                is_single,
                is_strip=number >= len(boxes) and is_strip(images[number]),
            )
        )
    return analyses


def is_strip(image: Image.Image) -> bool:
    """Whether a photo is at least STRIP_ASPECT times as long as wide."""
    return max(image.size) >= STRIP_ASPECT * min(image.size)


def choose_crops(found: PhotoObjects) -> list[Box]:
    """Chooses the crops of a single photo to encode: the likely objects, or if these are parts of
    one object, the most confident one and the crop around all detections."""
    if are_parts(found):
        return [found.detections[0].box, box_around(found.detections)]
    return [detection.box for detection in keep_likely(found.detections)]


def choose_main_crop(found: PhotoObjects) -> list[Box]:
    """Chooses the crop of one of several photos to encode: the most confident object, or if the
    likely ones are parts of one object, the crop around all detections."""
    if are_parts(found):
        return [box_around(found.detections)]
    return [detection.box for detection in found.detections[:1]]


def are_parts(found: PhotoObjects, least: float = PROBABLY_SINGLE) -> bool:
    """Whether several likely detections are parts of one object, with a probability of at least
    `least`."""
    is_single = found.single is not None and found.single >= least
    return is_single and len(keep_likely(found.detections)) > 1


def box_around(detections: Sequence[Detection]) -> Box:
    """Returns the smallest box that contains all detections."""
    left, top = (min(found.box[axis] for found in detections) for axis in (0, 1))
    right, bottom = (
        max(found.box[axis] + found.box[axis + 2] for found in detections) for axis in (0, 1)
    )
    return left, top, right - left, bottom - top


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
) -> tuple[np.ndarray, list[PhotoObjects]]:
    """Returns (vectors, objects) of the photos. Without a detector, there are no detections."""
    detector = detector_for(encoder)
    if detector is None:
        return encoder.encode_images(images), [PhotoObjects([]) for _ in images]
    return detector.encode_and_detect(images)


def choose_targets(analyses: Sequence[PhotoAnalysis]) -> list[Target]:
    """Returns what a search by these photos looks for. A single photo may show several objects,
    each a target. Several photos show one object: the target is the mean of the main object in
    each."""
    if len(analyses) > 1:
        mean = mean_direction(np.stack([find_main_vector(a) for a in analyses]))
        return [Target(mean, is_strip=any(a.is_strip for a in analyses))]
    return [
        target
        for analysis in analyses
        for target in build_targets(analysis, settings.OBJECT_SURROUNDINGS)
    ]


def find_main_vector(analysis: PhotoAnalysis) -> np.ndarray:
    """Returns the vector of the main object of one of several photos, plus that of the whole photo;
    only the latter for a photo without objects."""
    if analysis.around_vector is not None:
        return add_whole_photo(analysis.around_vector, analysis)
    if len(analysis.crop_vectors):
        return add_whole_photo(analysis.crop_vectors[0], analysis)
    return analysis.vector


def add_whole_photo(crop: np.ndarray, analysis: PhotoAnalysis) -> np.ndarray:
    return combine([(1.0, crop), (WHOLE_SURROUNDINGS, analysis.vector)])


def build_targets(analysis: PhotoAnalysis, surroundings: float) -> list[Target]:
    """Returns a target for each object of a photo: the vector of its crop, plus the vector of the
    whole photo with the weight `surroundings`. A photo without objects is one target, and so is a
    photo whose objects are surely parts of one. If they are probably parts of one, the whole photo
    is a target beside the most confident of them. Ranking decides which of the targets the shopper
    wants, once it knows their results (`search.ranking.scoring.rank_by_object`).
    """
    if not len(analysis.crop_vectors):
        return [Target(analysis.vector, is_strip=analysis.is_strip)]
    objects = [
        Target(
            combine([(1.0, crop), (surroundings, analysis.vector)]),
            number,
            detection.confidence,
            analysis.is_strip,
        )
        for number, (crop, detection) in enumerate(
            zip(analysis.crop_vectors, analysis.detections, strict=False)
        )
    ]
    if analysis.around_vector is None:
        return objects
    whole = replace(objects[0], vector=add_parts(analysis.around_vector, analysis), object=None)
    return [whole] if analysis.is_single else [*objects, whole]


def add_parts(around: np.ndarray, analysis: PhotoAnalysis) -> np.ndarray:
    """Returns the vector of one object: that of the crop around its parts, plus that of its main
    part, by the share of the crop that this covers, plus that of the whole photo."""
    main, crop = analysis.detections[0].box, box_around(analysis.detections)
    share = main[2] * main[3] / max(crop[2] * crop[3], 1e-9)
    return combine(
        [
            (1.0, around),
            (share, analysis.crop_vectors[0]),
            (WHOLE_SURROUNDINGS, analysis.vector),
        ]
    )
