"""What is in the photos of a query, and which of it is searched for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.detection.objects import PhotoObject, objects_in
from catalog.imaging.image_decoding import crop_to_box
from catalog.index.vectors import combine, mean_direction
from catalog.visual.encoder import Encoder


@dataclass(frozen=True)
class SeenPhoto:
    """A photo after one look at it. `whole`: float32 (d,), the photo, or its box where one was
    asked for; `objects`: the things found in it, the surest first; `crops`: float32 (k, d), the
    first k of them; all of the encoder with this checksum."""

    whole: np.ndarray
    objects: list[PhotoObject]
    crops: np.ndarray
    encoder: str


@dataclass(frozen=True)
class Target:
    """What is searched for: a unit vector (d,), which object of the photo it is of, and how sure it
    is that this is an object, 0 to 1."""

    vector: np.ndarray
    object: int | None = None
    confidence: float = 1.0


def see_photos(images: Sequence[Image.Image], boxed: bool, encoder: Encoder) -> list[SeenPhoto]:
    """One pass over the photos gives their vectors and objects, a second one the vectors of the
    objects: the likely ones of one photo, the best of each of several. If the first image is
    `boxed` (cut to what is meant), nothing is looked for in it."""
    given, whole = (images[:1], images[1:]) if boxed else ([], images)
    vectors, found = _look(whole, encoder)
    found = [[] for _ in given] + found
    cut = [likely(objects)[: None if len(images) == 1 else 1] for objects in found]
    parts = [
        crop_to_box(image, one.box)
        for image, objects in zip(images, cut, strict=True)
        for one in objects
    ]
    of_parts = encoder.encode_images([*given, *parts])
    vectors = [*of_parts[: len(given)], *vectors]
    ends = np.cumsum([len(objects) for objects in cut])[:-1]
    crops = np.split(of_parts[len(given) :], ends)
    return [SeenPhoto(*seen, encoder.checksum) for seen in zip(vectors, found, crops, strict=True)]


def likely(objects: Sequence[PhotoObject]) -> list[PhotoObject]:
    """Of objects, the surest first, those that are nearly as sure: the others are hardly meant."""
    return [one for one in objects if one.score >= settings.OBJECT_LEAST * objects[0].score]


def _look(
    images: Sequence[Image.Image], encoder: Encoder
) -> tuple[list[np.ndarray], list[list[PhotoObject]]]:
    """(vectors, objects) of each of the photos."""
    if not images:
        return [], []
    look = encoder.look(encoder.preprocessing.batch(images))
    if look.candidates is None or encoder.objects is None:
        return list(look.vectors), [[] for _ in images]
    return list(look.vectors), [
        objects_in(cells, image.size, encoder.preprocessing, encoder.objects)
        for image, cells in zip(images, look.candidates, strict=True)
    ]


def choose_targets(seen: Sequence[SeenPhoto]) -> list[Target]:
    """What to search for, by the settings of the installation: several photos are of one thing, the
    best of each; one photo may be of one thing or a scene of several."""
    if len(seen) > 1:
        parts = [photo.crops[0] if len(photo.crops) else photo.whole for photo in seen]
        return [Target(mean_direction(np.stack(parts)))]
    return [t for photo in seen for t in targets_of(photo, settings.OBJECT_SURROUNDINGS)]


def targets_of(photo: SeenPhoto, surroundings: float) -> list[Target]:
    """Each object of a photo, by its crop to which the whole photo is added with the weight
    `surroundings`; a photo without objects as it is. Which of them is meant is settled when it is
    known what they look like (`ranking.by_object`)."""
    if not len(photo.crops):
        return [Target(photo.whole)]
    return [
        Target(combine([(1.0, crop), (surroundings, photo.whole)]), number, one.score)
        for number, (crop, one) in enumerate(zip(photo.crops, photo.objects, strict=False))
    ]
