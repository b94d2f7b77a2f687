"""Two generations side by side: their figures, and what each finds for the same queries."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import Image

from catalog.console.stored_sentences import translate_sentence
from catalog.importing.errors import grouped
from catalog.index.live_index import IndexSpace, encoder_of, open_space
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from catalog.models import Generation, ProductImage
from catalog.product_cards import ProductCard, read_product_cards
from catalog.quality.sampled_photos import read_embeddings
from indexing.models import IndexEvaluation, IndexingRun
from indexing.monitoring.durations import describe_duration
from indexing.quality.generation_self_test import describe_self_test
from indexing.quality.match_calibration import describe_calibration

SHOWN = 8  # results of each query
SAMPLE = 5  # queries, if no photo is given
COMPARABLE = (
    *(Generation.State.LIVE, Generation.State.BUILT, Generation.State.RETIRED),
    Generation.State.REJECTED,
)


@dataclass(frozen=True)
class Found:
    """A result; `elsewhere`: whether the other generation finds it too."""

    card: ProductCard
    similarity: float
    elsewhere: bool


@dataclass(frozen=True)
class ComparedQuery:
    """A query with the results of both generations. `photo_url` is "" for a photo that was only
    dropped on the page. `overlap`: results that both find, of SHOWN."""

    photo_url: str
    label: str
    columns: list[list[Found]]
    overlap: int


def comparable_generations() -> list[Generation]:
    """Returns the generations that still have vectors, the newest first."""
    return list(
        Generation.objects.filter(state__in=COMPARABLE)
        .select_related("encoder", "projection", "query_adapter")
        .defer("nothing_vectors", "query_adapter__parameters", "query_adapter__nothing_vectors")
    )


def describe_generations(generations: Sequence[Generation]) -> list[list[tuple[str, str]]]:
    """Returns the names and values of the figures of each generation."""
    ids = [generation.pk for generation in generations]
    evaluations = {
        evaluation.generation_id: evaluation.figures
        for evaluation in IndexEvaluation.objects.filter(generation__in=ids).order_by("pk")
    }
    rebuilds = IndexingRun.objects.filter(generation__in=ids, kind=IndexingRun.Kind.REBUILD)
    took = {
        run.generation_id: describe_duration(run.finished_at - run.started_at)
        for run in rebuilds.order_by("pk")
        if run.started_at and run.finished_at
    }
    sizes = _table_sizes(generations)
    return [
        _describe(g, evaluations.get(g.pk, {}), took.get(g.pk, "–"), size)
        for g, size in zip(generations, sizes, strict=True)
    ]


def _describe(
    generation: Generation, figures: dict[str, Any], took: str, size: str
) -> list[tuple[str, str]]:
    return [
        (_("state"), generation.get_state_display()),
        (_("encoder"), str(generation.encoder)),
        (_("photos"), grouped(generation.images)),
        (_("products"), grouped(generation.products)),
        (_("size of the index"), size),
        (_("build time"), took),
        (_("recall@20 of the graph"), _number(generation.recall_at_20)),
        (_("self-test"), describe_self_test(figures.get("self_test"))),
        (_("recall@5 on labelled photos"), _number(figures.get("photo_recall_at_5"))),
        (
            _("match levels"),
            describe_calibration(generation.calibration) if generation.match else "–",
        ),
        (_("note"), translate_sentence(generation.note) or "–"),
    ]


def compare_sample(
    generations: Sequence[Generation],
) -> tuple[list[ComparedQuery], list[float | None]]:
    """Compares the generations on photos of a few products that both have embedded. Each product
    itself is left out of the results. Returns the queries, and the mean duration of a search of
    each generation in ms."""
    images = ProductImage.objects.filter(product__is_visible=True).select_related("product")
    chosen = list(images.order_by("-product_id", "position")[: SAMPLE * 6])
    ids = sorted({image.product_id for image in chosen})
    embeddings = [read_embeddings(generation.encoder_id, ids) for generation in generations]
    rows: dict[int, tuple[ProductImage, list[np.ndarray]]] = {}
    for image in chosen:
        of_image = [of_all.get(image.product_id, {}).get(image.pk) for of_all in embeddings]
        queries = [vector for vector in of_image if vector is not None]
        if len(queries) == len(generations):
            rows.setdefault(image.product_id, (image, queries))
    spaces = [open_space(generation) for generation in generations]
    shown = list(rows.values())[:SAMPLE]
    return _compare(
        spaces, [(i.file.url, i.product.label, i.product_id, queries) for i, queries in shown]
    )


def compare_photo(
    generations: Sequence[Generation], read: Callable[[int], Image.Image]
) -> tuple[list[ComparedQuery], list[float | None]]:
    """Compares the generations on one photo. `read` decodes it with at least this side in pixels.
    Raises EncoderError, and the errors of `read`."""
    encoders = [encoder_of(generation.encoder) for generation in generations]
    side = max(max(e.preprocessing.width, e.preprocessing.height) for e in encoders)
    image = read(side)
    queries = [encoder.encode_images([image])[0] for encoder in encoders]
    spaces = [open_space(generation) for generation in generations]
    return _compare(spaces, [("", _("Your photo"), 0, queries)])


def _compare(
    spaces: Sequence[IndexSpace], rows: Sequence[tuple[str, str, int, Sequence[np.ndarray]]]
) -> tuple[list[ComparedQuery], list[float | None]]:
    durations: list[float | None] = []
    found: list[list[list[tuple[int, float]]]] = [[] for _row in rows]
    for number, space in enumerate(spaces if rows else ()):
        queries = np.stack([row[3][number] for row in rows])
        begun = time.perf_counter()
        nearest = vector_store().nearest(VectorQuery(space, queries, settings.SEARCH_CANDIDATES))
        durations.append(round(1000 * (time.perf_counter() - begun) / len(rows), 1))
        of_space: list[list[tuple[int, float]]] = [[] for _row in rows]
        for product in nearest:
            if product.product_id != rows[product.number][2]:
                of_space[product.number].append((product.product_id, product.similarity))
        for results, of_query in zip(of_space, found, strict=True):
            of_query.append(results[: 2 * SHOWN])
    ids = {pk for of_query in found for results in of_query for pk, _ in results}
    cards = read_product_cards(sorted(ids))
    compared = []
    for (url, label, _own, _queries), of_query in zip(rows, found, strict=True):
        shown = [[(pk, s) for pk, s in results if pk in cards][:SHOWN] for results in of_query]
        sets: list[set[int]] = [{pk for pk, _ in results} for results in shown]
        both = set.intersection(*sets) if sets else set()
        columns = [[Found(cards[pk], round(s, 3), pk in both) for pk, s in r] for r in shown]
        compared.append(ComparedQuery(url, label, columns, len(both)))
    return compared, durations


def _table_sizes(generations: Sequence[Generation]) -> list[str]:
    """Returns the size of each vector table with its graph, in words."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size(to_regclass(name))"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place) ORDER BY place",
            [[generation.vector_table for generation in generations]],
        )
        return ["–" if size is None else filesizeformat(size) for (size,) in cursor.fetchall()]


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"
