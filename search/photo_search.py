"""The way a query takes, from what a shopper sends to what they see."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from django.conf import settings
from django.db import ProgrammingError

from catalog.detection.query_objects import SeenPhoto, Target, choose_targets, see_photos
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.vocabulary import vocabulary_for
from catalog.product_cards import read_product_cards
from search.answer import Result, SearchAnswer, StageClock
from search.query.photo_decoding import decode_query, decoded_photos
from search.query.query_photos import QueryPhoto, keep_photo, query_photos
from search.query.vector import embed_query
from search.ranking.blank_photos import blank_results
from search.ranking.match_level import match_of
from search.ranking.paging import Found, ScoredTags, find
from search.ranking.scoring import Ranked, explain
from search.request import MAX_OFFSET, SearchRequest
from search.serving.admission import Deadline, admission
from search.serving.single_flight import SingleFlightCache

TAGS_OF_A_PHOTO = 5
LOOKS_KEPT = 256  # of a few kilobytes each


seen_photos: SingleFlightCache[list[SeenPhoto]] = SingleFlightCache(LOOKS_KEPT)


def search(request: SearchRequest) -> SearchAnswer:
    """Answers one search. Raises ImageError, RequestError (Overloaded is one), IndexNotReady or
    EncoderError."""
    clock = StageClock()
    with admission.admitted(clock.deadline):
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
    known = photos[0].seen_by(index.query_encoder) if photos else None
    seen = [known] if known and request.box is None else look(request, photos, index, clock)
    with clock.stage("embed"):
        targets = choose_targets(seen)
        queries = embed_query(request, [target.vector for target in targets], index, clock.deadline)
        tags = tags_of(targets, index)
    found = find(request, queries, targets, tags, index, clock)
    end = request.offset + request.limit
    with clock.stage("rank"):
        results = show(found, targets, request, index, clock.deadline)
    whole = known or (seen[0] if len(seen) == 1 and request.box is None else None)
    return SearchAnswer(
        query_id=keep_photo(photos, whole),
        kind=request.kind,
        box=request.box,
        generation=index.generation,
        complete=found.complete,
        results=results,
        next_offset=end if end < len(found.ranked) and end <= MAX_OFFSET else None,
        facets=found.facets,
        tags=meant(tags, targets, found.ranked),
        objects=(known or seen[0]).objects if seen else [],
        timings_ms=clock.timings(),
    )


def look(
    request: SearchRequest, photos: Sequence[QueryPhoto], index: LiveIndex, clock: StageClock
) -> list[SeenPhoto]:
    """What is in the photos of the request; the same photos are looked at once."""
    encoder = index.query_encoder

    def see() -> list[SeenPhoto]:
        files = [photo.data for photo in photos]
        with decoded_photos.held(len(files), clock.deadline):
            with clock.stage("decode"):
                images = decode_query(files, request.box, encoder, clock.deadline)
            with clock.stage("embed"):
                return see_photos(images, request.box is not None, encoder) if images else []

    names = tuple(photo.name for photo in photos)
    key = (names, request.box, encoder.checksum)
    with clock.deadline.enforced():
        return seen_photos.get(key, see, clock.deadline.left())


def tags_of(targets: list[Target], index: LiveIndex) -> list[ScoredTags]:
    """The tags of each target, in the space of the encoder that saw it."""
    if not targets:
        return []
    vectors = np.stack([target.vector for target in targets])
    return vocabulary_for(index.query_encoder).best_of_each(vectors, TAGS_OF_A_PHOTO)


def meant(tags: list[ScoredTags], targets: list[Target], ranked: list[Ranked]) -> ScoredTags:
    """The tags of what the first result was found for; none without a photo."""
    first = ranked[0].object if ranked else None
    return next((t for t, target in zip(tags, targets, strict=True) if target.object == first), [])


def show(
    found: Found,
    targets: list[Target],
    request: SearchRequest,
    index: LiveIndex,
    deadline: Deadline,
) -> list[Result]:
    """The products of the page as they are now; one deleted meanwhile is left out."""
    page = found.ranked[request.offset : request.offset + request.limit]
    products = read_product_cards([item.candidate.product_id for item in page])
    blanks = blank_results(page, targets, index, deadline)
    calibrated = index.generation.calibration
    if request.kind == "text":
        calibrated = replace(calibrated, exact=None)  # words do not name one product
    return [
        Result(
            product=products[item.candidate.product_id],
            score=round(min(1.0, max(0.0, item.score)), 4),
            match=match_of(
                item.candidate,
                found.near[item.object],
                calibrated,
                settings.MATCH_EXACT,
                settings.MATCH_SIMILAR,
                blank,
            ),
            duplicates=item.duplicates,
            features=item.features,
            explanation=explain(item, found.weights) if request.explain else None,
            object=item.object,
        )
        for item, blank in zip(page, blanks, strict=True)
        if item.candidate.product_id in products
    ]
