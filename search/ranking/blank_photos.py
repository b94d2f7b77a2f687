"""Finds blank photos, which show nothing, among query photos and product photos."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.visual.blank import blank_photos, closeness
from search.ranking.deduplication import stack_projected
from search.ranking.scoring import Ranked
from search.serving.admission import Deadline
from search.serving.single_flight import SingleFlightCache

MAX_INDEXES = 2  # the live index, and the one before it while its last searches end

known_blanks: SingleFlightCache[np.ndarray] = SingleFlightCache(MAX_INDEXES)


def encode_blanks(index: LiveIndex, deadline: Deadline) -> np.ndarray:
    """Returns the projected vectors of blank photos, float32 (b, 128). Encodes them once for each
    index. Raises Overloaded if another search takes too long to encode them."""
    adapter = index.adapter.checksum if index.adapter else ""
    key = (index.generation.pk, index.query_encoder.checksum, adapter)
    with deadline.enforced():
        return known_blanks.get(
            key, lambda: index.project(index.encode_images(blank_photos())), deadline.left()
        )


def find_blank_results(
    results: Sequence[Ranked], targets: Sequence[Target], index: LiveIndex, deadline: Deadline
) -> list[bool]:
    """Returns for each result whether its product's photo or its target is blank: as close to a
    blank photo as the calibration of the index says."""
    if not results:
        return []
    threshold, blanks = index.generation.calibration.blank, encode_blanks(index, deadline)
    blank_targets = {
        target.object
        for target in targets
        if closeness(index.project(index.to_index_space(target.vector[None])), blanks)[0]
        >= threshold
    }
    vectors = stack_projected(results)
    if not vectors.shape[1]:
        return [item.object in blank_targets for item in results]
    close = closeness(vectors, blanks) >= threshold
    return [
        bool(one) or item.object in blank_targets for item, one in zip(results, close, strict=True)
    ]
