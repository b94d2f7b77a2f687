"""The objects of the photo that the page outlines: merged where several outlines are of one thing,
and named where a tag tells what they are."""

from dataclasses import dataclass

from catalog.imaging.image_decoding import Box
from search.answer import SearchAnswer

MAX_OVERLAP = 0.55  # intersection over union of two outlines
MAX_INSIDE = 0.75  # share of the smaller outline that lies inside the larger one
MIN_RATIO = 0.35  # of the areas of two outlines of one thing, the smaller inside the larger
MIN_DISTANCE = 0.06  # of the middles of two outlines, as a share of the sides of the photo


@dataclass(frozen=True)
class OutlinedObject:
    """An object with its box, and its name, or "" if it is not known."""

    box: Box
    name: str


def outlined_objects(answer: SearchAnswer) -> list[OutlinedObject]:
    """Returns the objects of the photo in the order of their confidence. Of several outlines of one
    thing, only the first is kept."""
    kept: list[tuple[int, Box]] = []
    for number, found in enumerate(answer.objects):
        if not any(are_same(found.box, box) for _, box in kept):
            kept.append((number, found.box))
    names = answer.object_names
    return [
        OutlinedObject(box, names[number].label if number in names else "") for number, box in kept
    ]


def are_same(one: Box, other: Box) -> bool:
    """Returns whether two boxes (x, y, w, h) outline the same thing."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    smaller, larger = sorted((one[2] * one[3], other[2] * other[3]))
    middles = [(box[0] + box[2] / 2, box[1] + box[3] / 2) for box in (one, other)]
    apart = max(abs(a - b) for a, b in zip(*middles, strict=True))
    return (
        common > MAX_OVERLAP * (smaller + larger - common)
        or (common > MAX_INSIDE * smaller and smaller > MIN_RATIO * larger)
        or apart < MIN_DISTANCE
    )
