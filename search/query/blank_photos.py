"""Vectors of blank photos, which show nothing, and the parts of a query photo that are blank."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.visual.blank import blank_photos, closeness
from search.request import SearchRequest
from search.serving.deadline import Deadline
from search.serving.single_flight import SingleFlightCache

MAX_CACHED_INDEXES = 2  # the live one, and the previous one while its last searches end

encoded_blanks: SingleFlightCache[np.ndarray] = SingleFlightCache(MAX_CACHED_INDEXES)


def encode_blanks(index: LiveIndex, deadline: Deadline) -> np.ndarray:
    """Returns the projected vectors of blank photos, float32 (b, 128). Encodes them once for each
    index. Raises Overloaded if another search takes too long to encode them."""
    adapter = index.adapter.checksum if index.adapter else ""
    key = (index.generation.pk, index.query_encoder.checksum, adapter)
    with deadline.enforced():
        return encoded_blanks.get(
            key, lambda: index.project(index.encode_images(blank_photos())), deadline.left()
        )


def find_blank_objects(
    targets: Sequence[Target], blanks: np.ndarray, index: LiveIndex
) -> set[int | None]:
    """Returns the objects of the targets that are blank: their cosine with one of `blanks` is at
    least the `blank_cosine` of the index's calibration."""
    return {
        target.object
        for target in targets
        if closeness(index.project(index.to_index_space(target.vector[None])), blanks)[0]
        >= index.generation.calibration.blank_cosine
    }


def shows_nothing(
    targets: Sequence[Target], request: SearchRequest, index: LiveIndex, deadline: Deadline
) -> bool:
    """Returns whether a whole photo shows nothing: it is blank, and no object was found in it. A
    product of one colour may be as close to a blank photo, but it is an object. Raises
    Overloaded."""
    if not targets or request.box is not None or any(t.object is not None for t in targets):
        return False
    return bool(find_blank_objects(targets, encode_blanks(index, deadline), index))
