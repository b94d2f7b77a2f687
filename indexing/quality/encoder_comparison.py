"""Compares a new encoder with that of a generation by the same self-test. The new encoder needs no
generation: both search exactly among the photos of the sample."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.index.live_index import IndexSpace, encoder_of
from catalog.models import EncoderVersion
from catalog.quality.paired_bootstrap import Difference, bootstrap_difference
from catalog.quality.sampled_photos import sample_photos
from catalog.quality.self_test import (
    MIN_QUERIES,
    Queries,
    SelfTest,
    choose_queries,
    rank_product,
    search_views_exactly,
)
from indexing.embedding.shared_content import embed_products
from indexing.ledger.chunking import Check
from indexing.quality.composed_photos import encode_composed_photos


@dataclass(frozen=True)
class EncoderComparison:
    """The self-tests of two encoders by the same queries, and the differences in recall, `new`
    minus `current`, with their intervals."""

    current: SelfTest
    new: SelfTest
    at_1: Difference
    at_5: Difference


def compare_encoders(
    space: IndexSpace, new: EncoderVersion, check: Check, among: Container[int] | None = None
) -> EncoderComparison | None:
    """Compares a registered encoder with the encoder of the generation of `space`. Embeds the
    sample's photos that `new` has not embedded yet, and keeps these embeddings.

    The queries are composed if too few products have several photos (`SelfTest.kind`). Then the
    comparison prefers an encoder that was trained by composed photos, even if it is worse for
    others.

    `among`: the ids of the products to search for. A trained encoder needs products that it was not
    trained on. Returns None if the sample has fewer than MIN_QUERIES products, or none `among`
    these. Raises EncoderError."""
    current = space.generation.encoder
    gallery = sorted({*sample_photos([current.pk], 1), *sample_photos([current.pk], 2)})
    embed_products(gallery, new, encoder_of(new), check)
    queries = choose_queries(space, [new.pk])
    if len(queries.views) >= MIN_QUERIES:
        kind, queries = "views", queries.among(among)
    else:
        kind, queries = "composed", _compose_queries(space, new, check, among)
    if not queries.views:
        return None
    by_current, by_new = (
        _rank_exactly(encoder, queries, gallery, check) for encoder in (current.pk, new.pk)
    )
    return EncoderComparison(
        SelfTest.from_ranks(kind, by_current),
        SelfTest.from_ranks(kind, by_new),
        *(bootstrap_difference(by_new <= k, by_current <= k) for k in (1, 5)),
    )


def _compose_queries(
    space: IndexSpace, new: EncoderVersion, check: Check, among: Container[int] | None
) -> Queries:
    queries = choose_queries(space, [new.pk], composed=True)
    if len(queries.views) < MIN_QUERIES:
        return Queries([], {})
    versions = (space.generation.encoder, new)
    encoders = [encoder_of(version).encode_images for version in versions]
    views, vectors = encode_composed_photos(queries.among(among).views, encoders, check)
    return Queries(views, {v.pk: each for v, each in zip(versions, vectors, strict=True)})


def _rank_exactly(
    encoder_id: int, queries: Queries, gallery: Sequence[int], check: Check
) -> np.ndarray:
    answers = search_views_exactly(encoder_id, queries, gallery)
    ranks = []
    for view, found in zip(queries.views, answers, strict=True):
        ranks.append(rank_product(view, found))
        check()
    return np.array(ranks)
