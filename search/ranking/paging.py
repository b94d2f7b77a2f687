"""Retrieves, ranks, deduplicates and sorts the results of a search, as deep as the page needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.index.match import Neighbourhood
from catalog.index.photo_tags import ScoredTags
from catalog.reranking import active_weights
from search.ranking.deduplication import deduplicate
from search.ranking.scoring import (
    Ranked,
    rank_by_features,
    rank_by_fusion,
    rank_by_object,
    sort_ranked,
)
from search.ranking.shown_variants import price_as_shown
from search.request import PRICE_SORTS, SearchRequest
from search.retrieval.candidates import Candidate, measure_neighbourhoods, retrieve
from search.retrieval.facets import read_facets
from search.serving.deadline import StageClock

MIN_PHOTOS_PER_QUERY = 50  # retrieved for each query vector
DEEPENING_FACTOR = 4  # how many times as many photos the next, deeper search retrieves
MAX_PHOTOS = 20_000  # retrieved for all query vectors of a search together


@dataclass(frozen=True)
class RankedResults:
    """All results of a search, up to the requested page. `ranked`: the results in order; `weights`:
    the weights of the features that ranked them; `neighbourhoods`: by the number of the photo's
    object, or by None without objects; `complete` and `facets`: as in the answer."""

    ranked: list[Ranked]
    weights: Mapping[str, float]
    neighbourhoods: dict[int | None, Neighbourhood | None]
    complete: bool
    facets: dict[str, Any]


def find_results(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    tags: list[ScoredTags],
    index: LiveIndex,
    clock: StageClock,
    photo_limit: int = MAX_PHOTOS,
) -> RankedResults:
    """Returns the results for the query vectors, float32 (q, dimensions), up to the requested page.

    With photos, each query vector belongs to the target and the tags of the same position. If the
    results end before the page, the search goes deeper, up to `photo_limit` photos. It appends the
    results of the deeper search, so pages neither repeat nor skip products."""
    filters, words = request.filters, request.text if request.kind == "text" else ""
    ranked, seen = list[Ranked](), set[int]()
    neighbourhoods: list[Neighbourhood | None] = []
    weights = active_weights() or settings.RANKING_WEIGHTS
    max_photos, max_per_query = photos_per_query(queries), photo_limit // len(queries)
    while True:
        with clock.stage("retrieve"):
            candidates = retrieve(index, queries, filters, words, max_photos, request.product_id)
            if not neighbourhoods:
                neighbourhoods = measure_neighbourhoods(index, queries, filters, candidates)
        with clock.stage("rank"):
            ordered = rank_candidates(candidates.by_query, targets, tags, weights, bool(words))
            new = [item for item in ordered if item.candidate.product_id not in seen]
            seen.update(item.candidate.product_id for item in new)
            if request.fold:
                new, ranked = deduplicate(new, ranked, settings.LOOKALIKE)
            if request.sort in PRICE_SORTS:
                new = price_as_shown(new, filters, queries, targets, index)
            ranked += sort_ranked(new, request.sort)
        enough = len(ranked) > request.offset + request.limit
        if candidates.exhausted or enough or max_photos >= max_per_query:
            break
        max_photos = min(max_photos * DEEPENING_FACTOR, max_per_query)
    by_object = dict(zip([t.object for t in targets] or [None], neighbourhoods, strict=True))
    facets = read_facets(candidates.facets)
    return RankedResults(ranked, weights, by_object, candidates.complete, facets)


def photos_per_query(queries: np.ndarray) -> int:
    """Returns the number of photos to retrieve at first for each query vector. All vectors share
    SEARCH_CANDIDATES, so a photo of many objects costs no more than a photo of one object."""
    return max(MIN_PHOTOS_PER_QUERY, settings.SEARCH_CANDIDATES // len(queries))


def rank_candidates(
    by_query: list[list[Candidate]],
    targets: list[Target],
    tags: list[ScoredTags],
    weights: Mapping[str, float],
    by_words: bool,
) -> list[Ranked]:
    """Ranks the candidates of all query vectors, the most relevant first. With `by_words`, fuses
    the ranks by vector and by words of the only query vector. Without a photo there is one query
    vector, which belongs to no object."""
    if by_words:
        return rank_by_fusion(by_query[0], weights)
    rows = []
    for number, candidates in enumerate(by_query):
        photo_tags = {tag.pk: score for tag, score in tags[number]} if targets else {}
        object = targets[number].object if targets else None
        rows.append(rank_by_features(candidates, photo_tags, weights, object))
    confidence = [target.confidence for target in targets] or [1.0]
    return rank_by_object(rows, confidence, settings.OBJECT_DOMINANCE)
