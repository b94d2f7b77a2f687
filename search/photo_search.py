"""The way a query takes, from what a shopper sends to what they see."""

from typing import Any

import numpy as np
from django.conf import settings
from django.db import ProgrammingError

from catalog.live_index import LiveIndex, live_index
from catalog.models import Product
from catalog.vocabulary import vocabulary_for
from search.answer import Result, SearchAnswer, StageClock
from search.facets import facets_of
from search.query_image import decode_query, keep_photo, kept_look, query_photos
from search.query_objects import SeenPhoto, Target, choose_targets, see_photos
from search.query_vector import embed_query
from search.ranking import Ranked, by_fusion, by_object, match_of, sorted_by
from search.request import SearchRequest
from search.retrieval import Candidate, retrieve

TAGS_OF_A_PHOTO = 5
DEEPER = 4  # times as many photos of the graph, each time that more are needed


def search(request: SearchRequest) -> SearchAnswer:
    """Answers one search. Raises ImageError, RequestError, IndexNotReady or EncoderError."""
    clock = StageClock()
    index = live_index()
    while True:
        try:
            return answer(request, index, clock)
        except ProgrammingError:  # its table is gone: retired and dropped while we worked
            newer = live_index()
            if newer.generation == index.generation:
                raise
            index = newer


def answer(request: SearchRequest, index: LiveIndex, clock: StageClock) -> SearchAnswer:
    """The answer of one generation."""
    photos = query_photos(request)
    known = kept_look(request.query, index.query_encoder)
    seen = [known] if known and request.box is None else look(request, photos, index, clock)
    with clock.stage("embed"):
        targets = choose_targets(seen)
        queries = embed_query(request, [target.vector for target in targets], index)
    ranked, complete = find(request, queries, targets, index, clock)
    with clock.stage("embed"):
        tags = tags_of(targets, ranked, index)
    end = request.offset + request.limit
    with clock.stage("rank"):
        results = show(ranked[request.offset : end], request.explain)
        facets = facets_of([item.candidate.product_id for item in ranked])
    whole = known or (seen[0] if len(seen) == 1 and request.box is None else None)
    return SearchAnswer(
        query_id=keep_photo(photos, whole),
        kind=request.kind,
        box=request.box,
        generation=index.generation,
        complete=complete,
        results=results,
        next_offset=end if end < len(ranked) else None,
        facets=facets,
        tags=tags,
        objects=(known or seen[0]).objects if seen else [],
        timings_ms=clock.timings(),
    )


def look(
    request: SearchRequest, photos: list[bytes], index: LiveIndex, clock: StageClock
) -> list[SeenPhoto]:
    """What is in the photos of the request."""
    with clock.stage("decode"):
        images = decode_query(photos, request.box, index.query_encoder)
    with clock.stage("embed"):
        return see_photos(images, request.box is not None, index.query_encoder) if images else []


def find(
    request: SearchRequest,
    queries: np.ndarray,
    targets: list[Target],
    index: LiveIndex,
    clock: StageClock,
) -> tuple[list[Ranked], bool]:
    """(what was found for the query vectors, each for one of the targets if there is a photo, in
    order; whether that is all there is). A page beyond what a search found makes it search deeper;
    what was found first stays first, so that pages neither repeat nor skip anything."""
    words = request.text if request.kind == "text" else ""
    ranked: list[Ranked] = []
    found = {request.product_id}
    wanted = settings.SEARCH_CANDIDATES
    while True:
        with clock.stage("retrieve"):
            candidates = retrieve(index, queries, request.filters, words, wanted)
        with clock.stage("rank"):
            everything = candidates.found
            ordered = by_fusion(everything[0]) if words else by_target(everything, targets)
            new = [r for r in ordered if r.candidate.product_id not in found]
            ranked += sorted_by(new, request.sort)
            found.update(item.candidate.product_id for item in new)
        if candidates.complete or len(ranked) > request.offset + request.limit:
            return ranked, candidates.complete
        wanted *= DEEPER


def by_target(found: list[list[Candidate]], targets: list[Target]) -> list[Ranked]:
    """Without a photo there is one query, of no object."""
    objects = [target.object for target in targets] or [None]
    sureness = [target.sureness for target in targets] or [1.0]
    return by_object(found, objects, sureness, settings.OBJECT_DOMINANCE)


def tags_of(targets: list[Target], ranked: list[Ranked], index: LiveIndex) -> list[Any]:
    """The tags, with scores, of what the first result was found for, in the space of the encoder
    that saw it; none without a photo."""
    meant = ranked[0].object if ranked else None
    vectors = [target.vector for target in targets if target.object == meant or not ranked]
    if not vectors:
        return []
    return vocabulary_for(index.query_encoder).best(vectors[0], TAGS_OF_A_PHOTO)


def show(ranked: list[Ranked], explain: bool) -> list[Result]:
    """The products as they are now, in the order given; one deleted meanwhile is left out."""
    ids = [item.candidate.product_id for item in ranked]
    products = Product.objects.visible().for_display().in_bulk(ids)
    return [
        Result(
            product=products[item.candidate.product_id],
            score=round(item.score, 4),
            match=match_of(item.candidate, settings.MATCH_EXACT, settings.MATCH_SIMILAR),
            explanation=item.parts if explain else None,
            object=item.object,
        )
        for item in ranked
        if item.candidate.product_id in products
    ]
