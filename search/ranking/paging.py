"""Retrieves, ranks, deduplicates and sorts the results of a search, as deep as the page needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.index.match_margin import Neighbourhood
from catalog.models import Tag
from catalog.reranking import active_weights
from search.answer import StageClock
from search.ranking.deduplication import deduplicate
from search.ranking.scoring import (
    Ranked,
    rank_by_features,
    rank_by_fusion,
    rank_by_object,
    sort_ranked,
)
from search.request import SearchRequest
from search.retrieval.candidates import Candidate, measure_neighbourhoods, retrieve
from search.retrieval.facets import facets_of

ScoredTags = list[tuple[Tag, float]]
MIN_PHOTOS_PER_TARGET = 50  # retrieved for each query vector
DEEPENING_FACTOR = 4  # by which a deeper search retrieves more photos
MAX_PHOTOS = 20_000  # retrieved for one search, for all query vectors together


@dataclass(frozen=True)
class Found:
    """`ranked`: the results in order; `weights`: of the features that ranked them; `near`: the
    neighbourhood of each object of the photo, or of None without objects; `complete` and `facets`:
    as in the answer."""

    ranked: list[Ranked]
    weights: Mapping[str, float]
    near: dict[int | None, Neighbourhood | None]
    complete: bool
    facets: dict[str, Any]


def find_results(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    tags: list[ScoredTags],
    index: LiveIndex,
    clock: StageClock,
) -> Found:
    """Returns the results for the query vectors, float32 (q, dimensions), at least up to the page.

    With photos, each query vector belongs to the target and the tags of the same position. If the
    results end before the page, the search goes deeper, up to MAX_PHOTOS. Results of a deeper
    search are appended, so pages neither repeat nor skip products."""
    words = request.text if request.kind == "text" else ""
    ranked: list[Ranked] = []
    known: set[int] = set()
    near: list[Neighbourhood | None] = []
    weights = active_weights() or settings.RANKING_WEIGHTS
    wanted, limit = photos_per_query(queries), MAX_PHOTOS // len(queries)
    while True:
        with clock.stage("retrieve"):
            matched = retrieve(
                index, queries, request.filters, words, wanted, without=request.product_id
            )
            near = near or measure_neighbourhoods(index, queries, request.filters, matched)
        with clock.stage("rank"):
            ordered = order_candidates(matched.found, targets, tags, weights, fused=bool(words))
            new = [item for item in ordered if item.candidate.product_id not in known]
            known.update(item.candidate.product_id for item in new)
            if request.fold:
                new, ranked = deduplicate(new, ranked, settings.LOOKALIKE)
            ranked += sort_ranked(new, request.sort)
        enough = len(ranked) > request.offset + request.limit
        if matched.exhausted or enough or wanted >= limit:
            break
        wanted = min(wanted * DEEPENING_FACTOR, limit)
    objects = [target.object for target in targets] or [None]
    near_by_object = dict(zip(objects, near, strict=True))
    return Found(ranked, weights, near_by_object, matched.complete, facets_of(matched.facets))


def photos_per_query(queries: np.ndarray) -> int:
    """How many photos to retrieve at first for each query vector. All vectors share
    SEARCH_CANDIDATES, so a photo of many objects costs no more than one of a single object."""
    return max(MIN_PHOTOS_PER_TARGET, settings.SEARCH_CANDIDATES // len(queries))


def order_candidates(
    found: list[list[Candidate]],
    targets: list[Target],
    tags: list[ScoredTags],
    weights: Mapping[str, float],
    fused: bool,
) -> list[Ranked]:
    """Ranks the candidates of all query vectors, the most relevant first. `fused`: by vector and
    words. Without a photo there is one query vector, of no object."""
    if fused:
        return rank_by_fusion(found[0], weights)
    rows = []
    for number, candidates in enumerate(found):
        photo_tags = {tag.pk: score for tag, score in tags[number]} if targets else {}
        object = targets[number].object if targets else None
        rows.append(rank_by_features(candidates, photo_tags, weights, object))
    confidence = [target.confidence for target in targets] or [1.0]
    return rank_by_object(rows, confidence, settings.OBJECT_DOMINANCE)
