"""What is in the photos of a query, and which of it is searched for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from PIL import Image

from catalog.visual.encoder import Encoder
from catalog.visual.image_decoding import crop_to_box
from catalog.visual.objects import PhotoObject, objects_in
from search.query_vector import mean_direction


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
    """What is searched for: a unit vector (d,), and which object of the photo it is of."""

    vector: np.ndarray
    object: int | None = None


def see_photos(images: Sequence[Image.Image], boxed: bool, encoder: Encoder) -> list[SeenPhoto]:
    """One pass over the photos gives their vectors and objects, a second one the vectors of the
    objects: all of one photo's, the best of each of several. If the first image is `boxed` (cut to
    what is meant), nothing is looked for in it."""
    given, whole = (images[:1], images[1:]) if boxed else ([], images)
    vectors, found = _look(whole, encoder)
    found = [[] for _ in given] + found
    cut = [objects if len(images) == 1 else objects[:1] for objects in found]
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
    return [
        target
        for photo in seen
        for target in targets_of(photo, settings.OBJECT_DOMINANCE, settings.OBJECT_WHOLE_PHOTO)
    ]


def targets_of(photo: SeenPhoto, dominance: float, whole_photo: str) -> list[Target]:
    """A photo without objects is searched for as it is. One of a single thing, or of one that
    dominates (see `dominates`), by the crop of that thing and, as `whole_photo` says, not by the
    whole photo (`none`), by the `mean` of both, or by the nearer of both (`max`). In a scene, each
    object is searched for."""
    if not len(photo.crops):
        return [Target(photo.whole)]
    if not dominates(photo.objects, dominance):
        return [Target(crop, number) for number, crop in enumerate(photo.crops)]
    crop = photo.crops[0]
    if whole_photo == "mean":
        return [Target(mean_direction(np.stack([crop, photo.whole])), 0)]
    return [Target(crop, 0), *([Target(photo.whole, 0)] if whole_photo == "max" else [])]


def dominates(objects: Sequence[PhotoObject], times: float) -> bool:
    """Whether the surest object is the one that the photo is of: `times` as prominent as any other,
    prominence being score times the square root of the area."""
    first, *others = [one.score * (one.box[2] * one.box[3]) ** 0.5 for one in objects]
    return all(first >= times * other for other in others)
