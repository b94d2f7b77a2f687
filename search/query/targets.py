"""Chooses what a search by photos looks for."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import PhotoAnalysis, Target, choose_targets
from catalog.index.live_index import LiveIndex
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store

COMPARED_PHOTOS = 5  # the nearest of the whole photo


def choose_query_targets(
    analyses: Sequence[PhotoAnalysis], liked: np.ndarray | None, index: LiveIndex
) -> list[Target]:
    """Returns what a search by these photos looks for: the objects in them, or the whole photo
    alone if the catalogue has the same photo, whose product is known better than by its objects.

    `liked`: the result of `read_liked`. If it is not None, the target that looks most like it
    stays."""
    targets = choose_targets(analyses)
    if len(analyses) == 1 and any(target.object is not None for target in targets):
        vector = analyses[0].vector
        if _is_in_catalogue(vector, index):
            return [Target(vector)]
    if liked is None or len(targets) < 2:
        return targets
    vectors = index.to_index_space(np.stack([target.vector for target in targets]))
    return [targets[int(np.argmax(vectors @ liked))]]


def _is_in_catalogue(vector: np.ndarray, index: LiveIndex) -> bool:
    """Whether a visible product has the same photo as the one with this unit vector (d,) by the
    query encoder. False if it is unknown how alike such photos are."""
    least = index.generation.calibration.same_photo_cosine
    if least is None:
        return False
    query = VectorQuery(index, index.to_index_space(vector[None]), COMPARED_PHOTOS)
    return any(product.similarity >= least for product in vector_store().nearest(query))
