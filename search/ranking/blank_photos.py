"""Finds results whose query photo or product photo is blank, which means that it shows nothing."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.visual.blank import blank_photos, closeness
from search.ranking.deduplication import stack_projected
from search.ranking.scoring import Ranked
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


def find_blank_results(
    results: Sequence[Ranked], targets: Sequence[Target], index: LiveIndex, deadline: Deadline
) -> list[bool]:
    """Returns for each result whether its product's photo or its target is blank: its cosine with a
    blank photo is at least the `blank` of the index's calibration."""
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
    blank_products = closeness(vectors, blanks) >= threshold
    return [
        bool(is_blank) or item.object in blank_targets
        for item, is_blank in zip(results, blank_products, strict=True)
    ]
