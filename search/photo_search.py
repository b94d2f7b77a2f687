"""The way a query takes, from what a shopper sends to what they see."""

from django.conf import settings

from catalog.live_index import live_index
from catalog.models import Product
from catalog.vocabulary import vocabulary_for
from search.answer import Result, SearchAnswer, StageClock
from search.facets import facets_of
from search.query_image import decode_query, keep_photo, query_photos
from search.query_vector import embed_query
from search.ranking import Ranked, by_fusion, by_similarity, match_of, sorted_by
from search.request import SearchRequest
from search.retrieval import retrieve

TAGS_OF_A_PHOTO = 5


def search(request: SearchRequest) -> SearchAnswer:
    """Answers one search. Raises ImageError, RequestError, IndexNotReady or EncoderError."""
    clock = StageClock()
    index = live_index()
    photos = query_photos(request)
    with clock.stage("decode"):
        images = decode_query(photos, request.box, index.encoder)
    with clock.stage("embed"):
        query, photo = embed_query(request, images, index)
        vocabulary = vocabulary_for(index.encoder)
        tags = vocabulary.best(photo, TAGS_OF_A_PHOTO) if photo is not None else []
    with clock.stage("retrieve"):
        words = request.text if request.kind == "text" else ""
        wanted = max(settings.SEARCH_CANDIDATES, 2 * (request.offset + request.limit))
        candidates = retrieve(index, query, request.filters, words, wanted)
    with clock.stage("rank"):
        ranked = by_fusion(candidates.products) if words else by_similarity(candidates.products)
        ranked = [item for item in ranked if item.candidate.product_id != request.product_id]
        ranked = sorted_by(ranked, request.sort)
        end = request.offset + request.limit
        results = show(ranked[request.offset : end], request.explain)
        facets = facets_of([item.candidate.product_id for item in ranked])
    return SearchAnswer(
        query_id=keep_photo(photos),
        kind=request.kind,
        box=request.box,
        generation=index.generation,
        complete=candidates.complete,
        results=results,
        next_offset=end if end < len(ranked) else None,
        facets=facets,
        tags=tags,
        timings_ms=clock.timings(),
    )


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
        )
        for item in ranked
        if item.candidate.product_id in products
    ]
