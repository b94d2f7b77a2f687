"""Measures the quality and the latency of searches by photos whose product is known."""

import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.conf import settings

from catalog.imaging.image_decoding import WHOLE, Box
from catalog.index.live_index import live_index
from catalog.index.vocabulary import Vocabulary, read_product_texts, read_vocabulary
from catalog.models import Product
from catalog.quality.labelled_photos import LabelledPhoto
from search.answer import SearchAnswer
from search.photo_search import search
from search.quality.figures import MAX_TAGS_CHECKED, Outcome, TagCounts
from search.quality.floor import Floor
from search.ranking.scoring import rank_by_features
from search.request import Filters, SearchRequest
from search.retrieval.candidates import retrieve

RESULTS_PER_QUERY = 10
SEARCH_LIMIT_S = 300.0  # nobody waits: on a busy machine searches are slow, and count all the same

SkusByKind = Mapping[str, Container[str]]
"""The products of each kind of thing that photos show."""


@dataclass(frozen=True)
class PhotoQuery:
    """A search by photos whose right products are known by their skus. `box` is a part of the first
    photo. `tags`: the ids of the right tags, or None if they are not known."""

    kind: str
    photos: tuple[bytes, ...]
    right: Container[str]
    box: Box | None = None
    tags: frozenset[int] | None = None


def evaluate_photos(
    photos: Sequence[LabelledPhoto],
    progress: Callable[[int], None] = lambda n: None,
    floor: Floor | None = None,
    skus_by_kind: SkusByKind = MappingProxyType({}),
) -> list[Outcome]:
    """Searches by each whole photo and by its box, if it has one. Then searches by all photos of
    one object together, for products with several such photos. For a photo with a `kind`, all
    products of that kind are right. Asks the floor by the same queries."""
    vocabulary = read_vocabulary()
    tags = {photo: find_right_tags(photo, vocabulary) for photo in photos}
    outcomes = []
    several: dict[str, list[bytes]] = {}
    for photo in photos:
        data = photo.path.read_bytes()
        if photo.kind:
            subject, right = "same kind", skus_by_kind[photo.kind]
        else:
            subject, right = "scene" if photo.scene else "one object", {photo.sku}
        if not photo.scene and not photo.kind:
            several.setdefault(photo.sku, []).append(data)
        boxes = {"whole photo": None, **({"with box": photo.box} if photo.box else {})}
        for kind, box in boxes.items():
            query = PhotoQuery(f"{subject}, {kind}", (data,), right, box, tags[photo])
            outcomes.append(evaluate_query(query, floor))
        progress(1)
    for sku, images in several.items():
        if len(images) > 1:
            together = tuple(images[: settings.IMAGES_PER_QUERY])
            query = PhotoQuery("several photos of one object", together, {sku})
            outcomes.append(evaluate_query(query, floor))
    return outcomes


def evaluate_query(query: PhotoQuery, floor: Floor | None = None) -> Outcome:
    """Searches as a shopper does, and by the floor if there is one."""
    request = SearchRequest(images=query.photos, box=query.box, limit=RESULTS_PER_QUERY)
    answer = search(request, SEARCH_LIMIT_S)
    finds_objects = query.box is None and len(query.photos) == 1
    by_floor = floor.search(query.photos, query.box, RESULTS_PER_QUERY) if floor else []
    return Outcome(
        query.kind,
        _first_rank([result.product.sku for result in answer.results], query.right),
        answer.timings_ms["total"],
        objects=len(answer.objects) if finds_objects else None,
        tagged=_is_tagged(answer, query.tags) if query.tags else None,
        tags=_compare_tags(answer, query.tags) if query.tags is not None else None,
        match=answer.results[0].match if answer.results else None,
        floor_rank=_first_rank(by_floor, query.right),
        has_floor=floor is not None,
    )


def evaluate_catalogue(floor: Floor | None = None) -> list[Outcome]:
    """Searches for each visible product by its first photo and by its title in each language. Any
    product with that title is right. Each title is searched for twice: by its vector alone, and as
    a shopper does, by vector and words. The floor is asked by photos only."""
    products = list(Product.objects.visible().prefetch_related("images"))
    outcomes = []
    for product in products:
        if image := next(iter(product.images.all()), None):
            with image.file.open("rb") as file:
                query = PhotoQuery("catalogue image", (file.read(),), {product.sku}, WHOLE)
            outcomes.append(evaluate_query(query, floor))
    for language, field in (("English", "title"), ("Russian", "title_ru")):
        titles = {getattr(product, field) for product in products} - {""}
        for title in sorted(titles):
            same = {product.pk for product in products if getattr(product, field) == title}
            outcomes.append(_search_by_vector(f"{language} title, by looks", title, same))
            answer = search(SearchRequest(text=title, limit=RESULTS_PER_QUERY), SEARCH_LIMIT_S)
            ids = [result.product.pk for result in answer.results]
            rank = _first_rank(ids, same)
            outcomes.append(Outcome(f"{language} title", rank, answer.timings_ms["total"]))
    return outcomes


def find_right_tags(photo: LabelledPhoto, vocabulary: Vocabulary) -> frozenset[int]:
    """Returns the ids of the tags that a photo should have: those of its product or of its kind."""
    if photo.kind:
        return frozenset(tag.pk for tag in vocabulary.find_named([photo.kind]))
    return find_tags_of_product(photo.sku, vocabulary)


def find_tags_of_product(sku: str, vocabulary: Vocabulary) -> frozenset[int]:
    """Returns the ids of the tags that a product's own data names."""
    ids = list(Product.objects.filter(sku=sku).values_list("pk", flat=True))
    texts = read_product_texts(ids)
    return frozenset(tag.pk for text in texts for tag in vocabulary.find_tags(text))


def _search_by_vector(kind: str, text: str, right: set[int]) -> Outcome:
    """Searches by the vector of a text alone, without its words."""
    index = live_index()
    start = time.perf_counter()
    query = index.encode_texts([text])
    found = retrieve(index, query, Filters(), None, settings.SEARCH_CANDIDATES).by_query[0]
    ids = [
        item.candidate.product_id for item in rank_by_features(found, {}, {})[:RESULTS_PER_QUERY]
    ]
    return Outcome(kind, _first_rank(ids, right), 1000 * (time.perf_counter() - start))


def _is_tagged(answer: SearchAnswer, right: Container[int]) -> bool:
    return any(tag.pk in right for tag, _ in answer.tags[:MAX_TAGS_CHECKED])


def _compare_tags(answer: SearchAnswer, right: frozenset[int]) -> TagCounts:
    given = {tag.pk for tag, _ in answer.tags}
    return TagCounts(len(given), len(given & right), len(right))


def _first_rank(found: Sequence, right: Container) -> int | None:
    """Returns the rank, from 1, of the first item of `found` that is in `right`."""
    return next((rank for rank, item in enumerate(found, 1) if item in right), None)
