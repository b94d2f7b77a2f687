"""Which photos show nothing: of those searched for, and of the products found."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.visual.blank import blank_photos, closeness
from search.ranking.deduplication import looks_of
from search.ranking.scoring import Ranked
from search.serving.admission import Deadline
from search.serving.single_flight import SingleFlightCache

INDEXES = 2  # the live one, and the one before while searches end

known_blanks: SingleFlightCache[np.ndarray] = SingleFlightCache(INDEXES)


def blanks_of(index: LiveIndex, deadline: Deadline) -> np.ndarray:
    """The blank photos in the graph's space of the index, float32 (b, 128); encoded once. Raises
    Overloaded where another search encodes them for too long."""
    adapter = index.adapter.checksum if index.adapter else ""
    key = (index.generation.pk, index.query_encoder.checksum, adapter)
    with deadline.enforced():
        return known_blanks.get(
            key, lambda: index.project(index.encode_images(blank_photos())), deadline.left()
        )


def blank_results(
    results: Sequence[Ranked], targets: Sequence[Target], index: LiveIndex, deadline: Deadline
) -> list[bool]:
    """Whether each result's product, or what it was found for, shows nothing: its vector is as
    close to that of a blank photo as the calibration of the index says."""
    if not results:
        return []
    least, blanks = index.generation.calibration.blank, blanks_of(index, deadline)
    empty = {
        target.object
        for target in targets
        if closeness(index.project(index.to_index_space(target.vector[None])), blanks)[0] >= least
    }
    looks = looks_of(results)
    if not looks.shape[1]:
        return [item.object in empty for item in results]
    close = closeness(looks, blanks) >= least
    return [bool(one) or item.object in empty for item, one in zip(results, close, strict=True)]
