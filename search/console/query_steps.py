"""One search, step by step, as operators see it: what was decoded, what was found in the photo, the
candidates before and after re-scoring, and every feature of the ranking."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from operator import itemgetter
from typing import Any, NamedTuple

from django.conf import settings
from PIL import ImageDraw

from catalog.detection.photo_analysis import PhotoAnalysis
from catalog.imaging.image_decoding import WHOLE, Box
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from catalog.product_cards import ProductCard, read_product_cards
from search.answer import Result
from search.photo_search import (
    PreparedQuery,
    analyse_query_photos,
    build_results,
    prepare_query,
)
from search.query.photo_decoding import decode_within
from search.query.query_photos import read_query_photos
from search.ranking.paging import RankedResults, find_results
from search.request import SearchRequest
from search.serving.admission import admission
from search.serving.deadline import Deadline, StageClock

PREVIEW_SIDE = 320  # pixels
SHOWN_CANDIDATES = 12
BOX_COLOUR = (220, 38, 38)


@dataclass(frozen=True)
class Candidate:
    """A product with its cosine. `moved`: by how many places re-scoring moved it up."""

    card: ProductCard
    similarity: float
    moved: int = 0


@dataclass(frozen=True)
class QuerySteps:
    """The steps of a search. `preview`: the decoded photo with the boxes of its objects as a data
    address, or ""; `objects`: a box and its confidence; `tags`: those of each target; `before` and
    `after`: the nearest products by the projected and by the full vectors; `weights`: of the
    features."""

    size: tuple[int, int] | None
    preview: str
    objects: list[tuple[Box, float]]
    targets: list[tuple[str, float, list[tuple[str, float]]]]
    before: list[Candidate]
    after: list[Candidate]
    results: list[Result]
    weights: Mapping[str, float]
    complete: bool
    timings_ms: dict[str, float]
    generation: Any


class FollowedSearch(NamedTuple):
    """What each step of a search gave."""

    analyses: list[PhotoAnalysis]
    query: PreparedQuery
    found: RankedResults
    results: list[Result]


def follow_query(request: SearchRequest) -> QuerySteps:
    """Answers a search and returns its steps. Raises what `search.photo_search.search` raises."""
    clock = StageClock()
    with admission.admitted(clock.deadline):
        index = live_index()
        analyses, query, found, results = follow_search(request, index, clock)
        timings = clock.timings()
        objects = [(d.box, d.confidence) for d in (analyses[0].detections if analyses else [])]
        size, preview = _preview(request.images, objects, Deadline())
        before, after = _candidates(query.vectors, index)
    return QuerySteps(
        size=size,
        preview=preview,
        objects=objects,
        targets=_describe_targets(query.targets, query.tags),
        before=before,
        after=after,
        results=results,
        weights=found.weights,
        complete=found.complete,
        timings_ms=timings,
        generation=index.generation,
    )


def follow_search(request: SearchRequest, index: LiveIndex, clock: StageClock) -> FollowedSearch:
    """Analyses the photos of a request anew, searches, and ranks. Raises what `follow_query`
    raises."""
    photos = read_query_photos(request, clock.deadline)
    analyses = analyse_query_photos(request, photos, index, clock)
    query = prepare_query(request, analyses, index, clock)
    request, targets, tags = query.request, query.targets, query.tags
    found = find_results(request, query.vectors, targets, tags, index, clock, query.words)
    with clock.stage("rank"):
        results = build_results(found, query.vectors, targets, request, index)
    return FollowedSearch(analyses, query, found, results)


def _describe_targets(targets: Any, tags: Any) -> list[tuple[str, float, list[tuple[str, float]]]]:
    return [
        (
            "" if target.object is None else str(target.object + 1),
            round(target.confidence, 2),
            [(tag.label, round(score, 2)) for tag, score in of_target],
        )
        for target, of_target in zip(targets, tags, strict=True)
    ]


def _candidates(queries: Any, index: LiveIndex) -> tuple[list[Candidate], list[Candidate]]:
    """Returns the nearest products to the first query vector, by the projected vectors of the graph
    and by the full vectors."""
    query = VectorQuery(index, queries[:1], settings.SEARCH_CANDIDATES)
    photos = vector_store().score_photos(query)
    full = _best_of_products((photo.product_id, photo.similarity) for photo in photos)
    projected = _best_of_products(
        (photo.product_id, photo.projected_similarity) for photo in photos
    )
    places = {pk: place for place, pk in enumerate(projected)}
    shown = [*list(projected)[:SHOWN_CANDIDATES], *list(full)[:SHOWN_CANDIDATES]]
    cards = read_product_cards(sorted(set(shown)))

    def describe(cosines: Mapping[int, float], moves: bool) -> list[Candidate]:
        return [
            Candidate(cards[pk], round(cosine, 3), places[pk] - place if moves else 0)
            for place, (pk, cosine) in enumerate(list(cosines.items())[:SHOWN_CANDIDATES])
            if pk in cards
        ]

    return describe(projected, False), describe(full, True)


def _best_of_products(cosines: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Returns the highest of the cosines of each product, the highest first."""
    best: dict[int, float] = {}
    for pk, cosine in sorted(cosines, key=itemgetter(1), reverse=True):
        best.setdefault(pk, cosine)
    return best


def _preview(
    images: Sequence[bytes], objects: Sequence[tuple[Box, float]], deadline: Deadline
) -> tuple[tuple[int, int] | None, str]:
    """Returns the size of the decoded photo in pixels, and a small copy with the boxes."""
    if not images:
        return None, ""
    image = decode_within(deadline, images[0], WHOLE, PREVIEW_SIDE)
    size = image.size
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    draw = ImageDraw.Draw(small)
    for x, y, w, h in (box for box, _confidence in objects):
        corners = (x * small.width, y * small.height, (x + w) * small.width, (y + h) * small.height)
        draw.rectangle(corners, outline=BOX_COLOUR, width=2)
    file = BytesIO()
    small.save(file, "JPEG", quality=80)
    return size, "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
