"""Measures the quality and the latency of searches by photos whose product is known."""

import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from catalog.index.live_index import live_index
from catalog.index.vocabulary import Vocabulary, vocabulary_for
from catalog.labelled_photos import LabelledPhoto
from catalog.models import Product
from search.answer import SearchAnswer
from search.photo_search import search
from search.ranking.scoring import rank_by_features
from search.request import Filters, SearchRequest
from search.retrieval.candidates import retrieve

RESULTS_PER_QUERY = 10
MAX_TAGS_CHECKED = 3


@dataclass(frozen=True)
class Outcome:
    """The outcome of one search.

    `rank`: of the right product, 1 for the first, None if it is not in the answer; `latency_ms`:
    server time; `objects`: how many were found in the photo, None if the search looked for none;
    `tagged`: whether one of the first MAX_TAGS_CHECKED tags of the photo is right, None if the
    product's text names no tag; `match`: of the first result, None if it was not recorded."""

    kind: str
    rank: int | None
    latency_ms: float
    objects: int | None = None
    tagged: bool | None = None
    match: str | None = None


def evaluate_photos(
    photos: Sequence[LabelledPhoto], progress: Callable[[int], None] = lambda n: None
) -> list[Outcome]:
    """Searches by each whole photo and by its box, if it has one. Then searches by all photos of
    one object together, for products with several such photos."""
    vocabulary = vocabulary_for(live_index().query_encoder)
    right = {photo.sku: find_tags_in_text(photo.sku, vocabulary) for photo in photos}
    outcomes = []
    several: dict[str, list[bytes]] = {}
    for photo in photos:
        data = photo.path.read_bytes()
        subject = "scene" if photo.scene else "one object"
        if not photo.scene:
            several.setdefault(photo.sku, []).append(data)
        boxes = {"whole photo": None, **({"with box": photo.box} if photo.box else {})}
        for kind, box in boxes.items():
            request = SearchRequest(images=(data,), box=box, limit=RESULTS_PER_QUERY)
            outcomes.append(_search(f"{subject}, {kind}", request, photo.sku, right[photo.sku]))
        progress(1)
    for sku, images in several.items():
        if len(images) > 1:
            request = SearchRequest(
                images=tuple(images[: settings.IMAGES_PER_QUERY]), limit=RESULTS_PER_QUERY
            )
            outcomes.append(_search("several photos of one object", request, sku))
    return outcomes


def evaluate_catalogue() -> list[Outcome]:
    """Searches for each visible product by its first photo and by its title in each language. Any
    product with that title is right. Each title is searched for twice: by its vector alone, and as
    a shopper does, by vector and words."""
    products = list(Product.objects.visible().prefetch_related("images"))
    outcomes = []
    for product in products:
        if image := next(iter(product.images.all()), None):
            with image.file.open("rb") as file:
                request = SearchRequest(
                    images=(file.read(),), box=(0, 0, 1, 1), limit=RESULTS_PER_QUERY
                )
            outcomes.append(_search("catalogue image", request, product.sku))
    for language, field in (("English", "title"), ("Russian", "title_ru")):
        titles = {getattr(product, field) for product in products} - {""}
        for title in sorted(titles):
            same = {product.pk for product in products if getattr(product, field) == title}
            outcomes.append(_search_by_vector(f"{language} title, by looks", title, same))
            answer = search(SearchRequest(text=title, limit=RESULTS_PER_QUERY))
            ids = [result.product.pk for result in answer.results]
            rank = _first_rank(ids, same)
            outcomes.append(Outcome(f"{language} title", rank, answer.timings_ms["total"]))
    return outcomes


def find_tags_in_text(sku: str, vocabulary: Vocabulary) -> set[int]:
    """Returns the ids of the tags that a product's title, category and keywords name."""
    product = Product.objects.select_related("category").filter(sku=sku).first()
    if product is None:
        return set()
    category = product.category
    names = [category.name, category.name_ru] if category else []
    texts = [product.title, product.title_ru, *names, *product.keywords]
    return {tag.pk for tag in vocabulary.find_named(texts)}


def summarise(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Returns the figures for each kind of query: the number of queries, recall@1/5/10, mean
    reciprocal rank and latencies; the share of photos with objects and their mean number; the share
    of photos with a right tag among the first MAX_TAGS_CHECKED; the share of first results
    with an exact match, and the share of these that are right."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.kind, []).append(outcome)
    return {kind: _figures(group) for kind, group in sorted(by_kind.items())}


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    ranks = [outcome.rank for outcome in group]
    latencies = np.array([outcome.latency_ms for outcome in group])
    objects = [outcome.objects for outcome in group if outcome.objects is not None]
    tagged = [outcome.tagged for outcome in group if outcome.tagged is not None]
    matched = [outcome for outcome in group if outcome.match]
    exact = [outcome for outcome in matched if outcome.match == "exact"]
    return {
        "queries": len(group),
        **{
            f"recall@{k}": _share(rank is not None and rank <= k for rank in ranks)
            for k in (1, 5, 10)
        },
        "mrr": round(sum(1 / rank for rank in ranks if rank) / len(ranks), 4),
        "latency_mean_ms": round(float(latencies.mean()), 1),
        "latency_p50_ms": round(float(np.percentile(latencies, 50)), 1),
        "latency_p95_ms": round(float(np.percentile(latencies, 95)), 1),
        "objects_found": _share(count > 0 for count in objects) if objects else None,
        "objects_mean": round(sum(objects) / len(objects), 2) if objects else None,
        "tagged@3": _share(tagged) if tagged else None,
        "exact": round(len(exact) / len(matched), 4) if matched else None,
        "exact_right": _share(outcome.rank == 1 for outcome in exact) if exact else None,
    }


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return round(sum(values) / len(values), 4)


def _search(kind: str, request: SearchRequest, sku: str, right: set[int] | None = None) -> Outcome:
    answer = search(request)
    rank = _first_rank([result.product.sku for result in answer.results], {sku})
    finds_objects = request.box is None and len(request.images) == 1
    tagged = _is_tagged(answer, right) if right else None
    objects = len(answer.objects) if finds_objects else None
    match = answer.results[0].match if answer.results else None
    return Outcome(kind, rank, answer.timings_ms["total"], objects, tagged, match)


def _search_by_vector(kind: str, text: str, right: set[int]) -> Outcome:
    """Searches by the vector of a text alone, without its words."""
    index = live_index()
    start = time.perf_counter()
    query = index.encode_texts([text])
    found = retrieve(index, query, Filters(), "", settings.SEARCH_CANDIDATES).by_query[0]
    ids = [
        item.candidate.product_id for item in rank_by_features(found, {}, {})[:RESULTS_PER_QUERY]
    ]
    return Outcome(kind, _first_rank(ids, right), 1000 * (time.perf_counter() - start))


def _is_tagged(answer: SearchAnswer, right: set[int]) -> bool:
    return any(tag.pk in right for tag, _ in answer.tags[:MAX_TAGS_CHECKED])


def _first_rank(found: Sequence, right: Container) -> int | None:
    """Returns the rank, from 1, of the first item of `found` that is in `right`."""
    return next((rank for rank, item in enumerate(found, 1) if item in right), None)
