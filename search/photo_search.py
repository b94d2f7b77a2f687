"""Follows one search from the request to the answer. `answer_request` lists the steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db import ProgrammingError

from catalog.detection.photo_analysis import PhotoAnalysis, Target, analyse_photos
from catalog.index.live_index import LiveIndex, live_index
from catalog.index.photo_tags import ScoredTags, tagger_for
from catalog.index.word_statement import WordQuery
from catalog.models import Tag
from catalog.product_cards import ProductCard, read_product_cards
from search.answer import Result, SearchAnswer
from search.query.blank_photos import shows_nothing
from search.query.photo_decoding import decode_query, decoded_photos
from search.query.query_photos import QueryPhoto, keep_photos, read_query_photos
from search.query.targets import choose_query_targets
from search.query.vector import embed_query, read_liked
from search.query.words import ReadWords, find_word_query, read_words
from search.ranking.paging import RankedResults, find_results
from search.ranking.scoring import Ranked, explain_score
from search.ranking.shown_variants import choose_shown
from search.request import SearchRequest
from search.serving.admission import admission
from search.serving.deadline import StageClock
from search.serving.single_flight import SingleFlightCache

MAX_PHOTO_TAGS = 5
MAX_CACHED_ANALYSES = 256  # of a few kilobytes each

photo_analyses: SingleFlightCache[list[PhotoAnalysis]] = SingleFlightCache(MAX_CACHED_ANALYSES)


def search(request: SearchRequest, limit_s: float | None = None) -> SearchAnswer:
    """Answers a search within `limit_s` seconds, by default SEARCH_TIME_LIMIT_S. Raises ImageError,
    RequestError (Overloaded is one), IndexNotReady or EncoderError."""
    clock = StageClock(limit_s)
    with admission.admitted(clock.deadline):
        index = live_index()
        while True:
            try:
                return answer_request(request, index, clock)
            except ProgrammingError:  # the vector table of this generation was dropped meanwhile
                newer = live_index()
                if newer.generation == index.generation:
                    raise
                index = newer


def answer_request(request: SearchRequest, index: LiveIndex, clock: StageClock) -> SearchAnswer:
    """Answers a search with one generation of the index."""
    photos, analyses, reusable = read_analyses(request, index, clock)
    photo_analysis = reusable or (analyses[0] if analyses else None)
    query = prepare_query(request, analyses, index, clock)
    request, targets, tags, given = query.request, query.targets, query.tags, query.given
    found = find_results(request, query.vectors, targets, tags, index, clock, query.words)
    with clock.stage("rank"):
        results = build_results(found, query.vectors, targets, request, index)
        is_blank = shows_nothing(targets, request, index, clock.deadline)
    return SearchAnswer(
        query_id=keep_photos(photos, reusable),
        kind=request.kind,
        box=request.box,
        generation=index.generation,
        complete=found.complete,
        calibrated=index.generation.calibration.is_complete and request.kind != "text",
        results=results,
        next_offset=request.next_offset(len(found.ranked)),
        facets=found.facets,
        tags=choose_tags(tags, targets, found.ranked),
        objects=photo_analysis.detections if photo_analysis else [],
        timings_ms=clock.timings(),
        total=found.total,
        corrected=given.corrected if given else "",
        fits_words=any(item.candidate.fits for item in found.ranked) or not found.ranked,
        is_blank=is_blank,
        photos=len(photos),
        object_names=name_objects(targets, tags) if request.box is None else {},
        query_vector=query.vectors[0],
    )


@dataclass(frozen=True)
class PreparedQuery:
    """What is searched for. `request`: with the words as they are understood; `given`: these words;
    `targets`: of its photos, with the tags of each; `vectors`: of the targets and words, float32
    (q, dimensions of the index space); `words`: for the search statement."""

    request: SearchRequest
    given: ReadWords | None
    targets: list[Target]
    tags: list[ScoredTags]
    vectors: np.ndarray
    words: WordQuery | None


def prepare_query(
    request: SearchRequest, analyses: Sequence[PhotoAnalysis], index: LiveIndex, clock: StageClock
) -> PreparedQuery:
    """Turns the words and the photos of a request into what the index is searched for."""
    with clock.stage("retrieve"):
        given = read_words(request.text) if request.text else None
    request = replace(request, text=given.text) if given else request
    with clock.stage("embed"):
        liked = read_liked(request, index)
        targets = choose_query_targets(analyses, liked, index)
        photos = [target.vector for target in targets]
        vectors = embed_query(request, photos, liked, index, clock.deadline)
        tags = tag_targets(targets, index)
        words = find_word_query(given, request, index, clock.deadline)
    return PreparedQuery(request, given, targets, tags, vectors, words)


def read_analyses(
    request: SearchRequest, index: LiveIndex, clock: StageClock
) -> tuple[list[QueryPhoto], list[PhotoAnalysis], PhotoAnalysis | None]:
    """Returns the photos of a request, the analyses to search by, and the one that later searches
    can reuse: that of a single whole photo, if there is one."""
    with clock.stage("decode"):
        photos = read_query_photos(request, clock.deadline)
    kept = photos[0].analysis_by(index.query_encoder) if photos else None
    if kept and request.box is None:
        return photos, [kept], kept
    analyses = analyse_query_photos(request, photos, index, clock)
    is_whole = len(analyses) == 1 and request.box is None
    return photos, analyses, kept or (analyses[0] if is_whole else None)


def analyse_query_photos(
    request: SearchRequest, photos: Sequence[QueryPhoto], index: LiveIndex, clock: StageClock
) -> list[PhotoAnalysis]:
    """Decodes and analyses the photos of the request. Concurrent searches by the same photos share
    one analysis."""
    encoder = index.query_encoder

    def analyse() -> list[PhotoAnalysis]:
        files = [photo.data for photo in photos]
        with decoded_photos.held(len(files), clock.deadline):
            with clock.stage("decode"):
                images = decode_query(files, request.box, encoder, clock.deadline)
            with clock.stage("embed"):
                return analyse_photos(images, request.box is not None, encoder) if images else []

    hashes = tuple(photo.content_hash for photo in photos)
    key = (hashes, request.box, encoder.checksum)
    with clock.deadline.enforced():
        return photo_analyses.get(key, analyse, clock.deadline.left())


def tag_targets(targets: list[Target], index: LiveIndex) -> list[ScoredTags]:
    """Returns the tags of each target, by the calibration of the encoder of the index."""
    if not targets:
        return []
    vectors = index.to_index_space(np.stack([target.vector for target in targets]))
    return tagger_for(index.generation.encoder_id).tag_photos(vectors, MAX_PHOTO_TAGS)


def name_objects(targets: list[Target], tags: list[ScoredTags]) -> dict[int, Tag]:
    """Returns the best tag of each object that has one, by the number of the object."""
    pairs = zip(targets, tags, strict=True)
    return {t.object: given[0][0] for t, given in pairs if t.object is not None and given}


def choose_tags(tags: list[ScoredTags], targets: list[Target], ranked: list[Ranked]) -> ScoredTags:
    """Returns the tags of the object that the first result was found for; none without a photo."""
    first_object = ranked[0].object if ranked else None
    for target, target_tags in zip(targets, tags, strict=True):
        if target.object == first_object:
            return target_tags
    return []


def build_results(
    found: RankedResults,
    queries: np.ndarray,
    targets: list[Target],
    request: SearchRequest,
    index: LiveIndex,
) -> list[Result]:
    """Returns the results of the requested page, with the products as they are now. Leaves out
    products that were deleted during the search."""
    page = found.ranked[request.offset : request.offset + request.limit]
    products = read_product_cards([item.candidate.product_id for item in page])
    varied = [item for item in page if _has_variants(products, item)]
    variants = choose_shown(varied, request.filters, queries, targets, index) if varied else {}
    finds_objects = any(target.object is not None for target in targets)
    return [
        Result(
            product=products[item.candidate.product_id],
            score=round(min(1.0, max(0.0, item.score)), 4),
            match=item.match,
            duplicates=item.duplicates,
            features=item.features,
            explanation=explain_score(item, found.weights) if request.explain else None,
            object=item.object,
            whole_photo=finds_objects and item.object is None,
            variant=variants.get(item.candidate.product_id),
        )
        for item in page
        if item.candidate.product_id in products
    ]


def _has_variants(products: Mapping[int, ProductCard], item: Ranked) -> bool:
    product = products.get(item.candidate.product_id)
    return product is not None and product.has_variants
