"""Which photos show nothing: of those searched for, and of the products found."""

from collections.abc import Sequence

import numpy as np

from catalog.live_index import LiveIndex
from catalog.query_objects import Target
from catalog.visual.blank import blank_photos, closeness
from search.folding import looks_of
from search.once import OnceEach
from search.ranking import Ranked

INDEXES = 2  # the live one, and the one before while searches end

known_blanks: OnceEach[np.ndarray] = OnceEach(INDEXES)


def blanks_of(index: LiveIndex) -> np.ndarray:
    """The blank photos in the graph's space of the index, float32 (b, 128); encoded once."""
    adapter = index.adapter.checksum if index.adapter else ""
    key = (index.generation.pk, index.query_encoder.checksum, adapter)
    return known_blanks.get(key, lambda: index.project(index.encode_images(blank_photos())))


def blank_results(
    results: Sequence[Ranked], targets: Sequence[Target], index: LiveIndex
) -> list[bool]:
    """For each result, whether its product's best photo, or what it was found for, shows
    nothing: as close to a blank photo as the calibration of the index says."""
    if not results:
        return []
    least, blanks = index.generation.calibration.blank, blanks_of(index)
    empty = {
        target.object
        for target in targets
        if closeness(index.project(index.to_stored(target.vector[None])), blanks)[0] >= least
    }
    looks = looks_of(results)
    if not looks.shape[1]:
        return [item.object in empty for item in results]
    close = closeness(looks, blanks) >= least
    return [bool(one) or item.object in empty for item, one in zip(results, close, strict=True)]
