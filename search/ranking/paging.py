"""What is found for a query, in order: candidates, ranked, folded and sorted, as deep as the page
needs."""

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
from search.ranking.deduplication import fold
from search.ranking.scoring import Ranked, by_features, by_fusion, by_object, sorted_by
from search.request import SearchRequest
from search.retrieval.candidates import Candidate, neighbourhoods_of, retrieve
from search.retrieval.facets import facets_of

ScoredTags = list[tuple[Tag, float]]
MIN_PHOTOS_PER_TARGET = 50  # photos at least for each thing that is searched for
DEEPENING_FACTOR = 4  # times as many photos of the graph, each time that more are needed
MAX_PHOTOS = 20_000  # read for one search, for all query vectors together


@dataclass(frozen=True)
class Found:
    """What was found, in order, by these `weights` of the features; `near`: by object of the
    photo (None without one), what is near it; `complete` and `facets` are the answer's."""

    ranked: list[Ranked]
    weights: Mapping[str, float]
    near: dict[int | None, Neighbourhood | None]
    complete: bool
    facets: dict[str, Any]


def find(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    tags: list[ScoredTags],
    index: LiveIndex,
    clock: StageClock,
) -> Found:
    """What is found for the query vectors, each for one of the targets with these tags if there is
    a photo. A page beyond what a search found makes it search deeper, up to MAX_PHOTOS; what was
    found first stays first, so that pages neither repeat nor skip."""
    words = request.text if request.kind == "text" else ""
    ranked: list[Ranked] = []
    known: set[int] = set()
    near: list[Neighbourhood | None] = []
    weights = active_weights() or settings.RANKING_WEIGHTS
    wanted, most = photos_for_each(queries), MAX_PHOTOS // len(queries)
    while True:
        with clock.stage("retrieve"):
            matched = retrieve(
                index, queries, request.filters, words, wanted, without=request.product_id
            )
            near = near or neighbourhoods_of(index, queries, request.filters, matched)
        with clock.stage("rank"):
            ordered = order(matched.found, targets, tags, weights, fused=bool(words))
            new = [item for item in ordered if item.candidate.product_id not in known]
            known.update(item.candidate.product_id for item in new)
            if request.fold:
                new, ranked = fold(new, ranked, settings.LOOKALIKE)
            ranked += sorted_by(new, request.sort)
        enough = len(ranked) > request.offset + request.limit
        if matched.exhausted or enough or wanted >= most:
            break
        wanted = min(wanted * DEEPENING_FACTOR, most)
    objects = [target.object for target in targets] or [None]
    by_object = dict(zip(objects, near, strict=True))
    return Found(ranked, weights, by_object, matched.complete, facets_of(matched.facets))


def photos_for_each(queries: np.ndarray) -> int:
    """How many photos to take from the graph at first for each query vector: all together
    SEARCH_CANDIDATES, so that a scene of many things costs no more than one thing."""
    return max(MIN_PHOTOS_PER_TARGET, settings.SEARCH_CANDIDATES // len(queries))


def order(
    found: list[list[Candidate]],
    targets: list[Target],
    tags: list[ScoredTags],
    weights: Mapping[str, float],
    fused: bool,
) -> list[Ranked]:
    """The most relevant first. Without a photo there is one query, of no object."""
    if fused:
        return by_fusion(found[0], weights)
    rows = []
    for number, candidates in enumerate(found):
        photo_tags = {tag.pk: score for tag, score in tags[number]} if targets else {}
        object = targets[number].object if targets else None
        rows.append(by_features(candidates, photo_tags, weights, object))
    confidence = [target.confidence for target in targets] or [1.0]
    return by_object(rows, confidence, settings.OBJECT_DOMINANCE)
