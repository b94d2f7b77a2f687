"""Retrieves, ranks, deduplicates and sorts the results of a search, as deep as the page needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.index.match import Neighbourhood
from catalog.index.photo_tags import ScoredTags
from catalog.index.word_statement import WordQuery
from catalog.reranking import active_weights
from search.ranking.deduplication import deduplicate
from search.ranking.grading import grade, keep_relevant
from search.ranking.scoring import (
    Ranked,
    rank_by_features,
    rank_by_fusion,
    rank_by_object,
    sort_ranked,
)
from search.ranking.shown_variants import price_as_shown
from search.request import PRICE_SORTS, SORTS, SearchRequest
from search.retrieval.candidates import (
    Candidate,
    Candidates,
    count_facets,
    measure_neighbourhoods,
    retrieve,
)
from search.serving.deadline import StageClock

MIN_PHOTOS_PER_QUERY = 50  # retrieved for each query vector
DEEPENING_FACTOR = 4  # how many times as many photos the next, deeper search retrieves
MAX_SORTED = 1_000  # results that are sorted by price or date
MAX_PHOTOS = 20_000  # retrieved for all query vectors of a search together


@dataclass(frozen=True)
class RankedResults:
    """All results of a search, up to the requested page. `ranked`: the results in order; `weights`:
    the weights of the features that ranked them; `complete`, `facets` and `total`: as in the
    answer."""

    ranked: list[Ranked]
    weights: Mapping[str, float]
    complete: bool
    facets: dict[str, Any]
    total: int | None = None


class Depth(NamedTuple):
    """How many photos the `first` search retrieves for each query vector, and how many the
    `last`."""

    first: int
    last: int


def find_results(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    tags: list[ScoredTags],
    index: LiveIndex,
    clock: StageClock,
    words: WordQuery | None = None,
    photo_limit: int = MAX_PHOTOS,
) -> RankedResults:
    """Returns the results for the query vectors, float32 (q, dimensions), up to the requested page.

    With photos, each query vector belongs to the target and the tags of the same position. If the
    results end before the page, the search goes deeper, up to `photo_limit` photos. It appends the
    results of the deeper search, so pages neither repeat nor skip products."""
    depth = Depth(photos_per_query(queries), photo_limit // len(queries))
    weights = active_weights() or settings.RANKING_WEIGHTS
    ranked, candidates = _go_deep(
        request, queries, targets, tags, weights, index, clock, words, depth
    )
    is_all = candidates.is_all
    if request.sort != SORTS[0]:
        is_all |= any(item.match == "weak" for item in ranked)
        ranked = keep_relevant(ranked)
        if request.sort in PRICE_SORTS:
            ranked = price_as_shown(ranked, request.filters, queries, targets, index)
        ranked = sort_ranked(ranked, request.sort)
    with clock.stage("retrieve"):
        facets = count_facets(
            index, queries, request.filters, words, depth.first, request.left_out, candidates
        )
    total = sum(1 + item.duplicates for item in ranked) if is_all else None
    if total is None and request.sort == SORTS[0]:
        total = candidates.passing
    return RankedResults(ranked, weights, candidates.complete, facets, total)


def _go_deep(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    tags: list[ScoredTags],
    weights: Mapping[str, float],
    index: LiveIndex,
    clock: StageClock,
    words: WordQuery | None,
    depth: Depth,
) -> tuple[list[Ranked], Candidates]:
    """Returns the ranked results as deep as the page needs, and the candidates of the deepest
    search."""
    filters, by_words = request.filters, bool(words and words.is_alone)
    ranked, seen = list[Ranked](), set[int]()
    by_object: dict[int | None, Neighbourhood | None] = {}
    max_photos = depth.first
    while True:
        with clock.stage("retrieve"):
            candidates = retrieve(index, queries, filters, words, max_photos, request.left_out)
            if not by_object:
                measured = measure_neighbourhoods(index, queries, filters, candidates)
                objects = [target.object for target in targets] or [None]
                by_object = dict(zip(objects, measured, strict=True))
        with clock.stage("rank"):
            ordered = rank_candidates(candidates.by_query, targets, tags, weights, by_words)
            new = [item for item in ordered if item.candidate.product_id not in seen]
            seen.update(item.candidate.product_id for item in new)
            if request.fold:
                new, ranked = deduplicate(new, ranked, settings.LOOKALIKE)
            ranked += grade(new, by_object, targets, request, index, clock.deadline)
        if candidates.exhausted or _is_enough(ranked, request) or max_photos >= depth.last:
            return ranked, candidates
        max_photos = min(max_photos * DEEPENING_FACTOR, depth.last)


def _is_enough(ranked: Sequence[Ranked], request: SearchRequest) -> bool:
    """Returns whether a deeper search would add nothing to the page. The order of a sorted answer
    depends on all results that are not weak: weak ones are the end of these."""
    if request.sort == SORTS[0]:
        return len(ranked) > request.offset + request.limit
    is_end = any(item.match == "weak" for item in ranked)
    return is_end or len(ranked) >= MAX_SORTED


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
