"""The self-test of a generation, and of the live one by the same queries."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from catalog.index.live_index import IndexSpace, LiveIndex, open_space
from catalog.index.vector_store import vector_store
from catalog.models import Generation
from catalog.quality.paired_bootstrap import Difference, bootstrap_difference
from catalog.quality.self_test import (
    MIN_QUERIES,
    HeldOutView,
    SelfTest,
    choose_queries,
    rank_product,
    search_views,
)
from indexing.ledger.chunking import Check
from indexing.quality.composed_photos import encode_composed_photos

Answers = list[list[int]]
"""The ids of the products that each query finds, nearest first."""


@dataclass(frozen=True)
class ComparedSelfTests:
    """The self-tests of a new generation and of the live one by the same queries, among the
    products that both have. `difference`: of their recall@5, negative if the new one is worse."""

    new: SelfTest
    live: SelfTest
    difference: Difference


def measure_self_test(
    index: LiveIndex, live: Generation | None, check: Check
) -> tuple[SelfTest, ComparedSelfTests | None]:
    """Returns the self-test of an index, and its comparison with the live generation: None without
    one, and with fewer than MIN_QUERIES common products.

    The live generation chooses the queries. They are composed if fewer than MIN_QUERIES products
    have a photo to hold out. With too few products for that too, the self-test is skipped.

    Composed photos compare only generations of one encoder. Of two encoders, they prefer the one
    that was trained by such photos, even if it is worse for others."""
    spaces: list[IndexSpace] = [index, *([open_space(live)] if live else [])]
    encoders = [space.generation.encoder_id for space in spaces]
    own_id = index.generation.encoder_id
    queries = choose_queries(spaces[-1], encoders)
    kind, views, vectors = "views", queries.views, [queries.vectors[each] for each in encoders]
    if len(views) < MIN_QUERIES:
        kind, views = "composed", choose_queries(spaces[-1], encoders, composed=True).views
        if len(views) >= MIN_QUERIES:
            spaces = [space for space, each in zip(spaces, encoders, strict=True) if each == own_id]
            views, encoded = encode_composed_photos(views, [index.encode_images], check)
            vectors = encoded * len(spaces)
    if len(views) < MIN_QUERIES:
        return SelfTest("skipped", len(views)), None
    answers = [
        _search(space, views, each, check) for space, each in zip(spaces, vectors, strict=True)
    ]
    own = SelfTest.from_ranks(kind, _rank(views, answers[0], ()))
    return own, _compare(kind, views, answers, spaces) if len(spaces) > 1 else None


def describe_self_test(figures: dict | None) -> str:
    """Describes the figures of a SelfTest for operators."""
    if not figures:
        return _("not measured; the next rebuild measures it")
    test = SelfTest(**figures)
    if test.recall_at_1 is None:
        sentence = _("skipped: only %(n)s products can be used, %(least)s are needed")
        return sentence % {"n": test.queries, "least": MIN_QUERIES}
    values = {
        "recall": f"recall@1 {test.recall_at_1:.3f}, recall@5 {test.recall_at_5:.3f}",
        "n": test.queries,
    }
    if test.kind == "composed":
        return _("%(recall)s for %(n)s composed photos, which say less than real ones") % values
    return _("%(recall)s for %(n)s photos held out") % values


def _compare(
    kind: str,
    views: Sequence[HeldOutView],
    answers: Sequence[Answers],
    spaces: Sequence[IndexSpace],
) -> ComparedSelfTests | None:
    """Compares two generations among the products that both have. The live one lacks products that
    were imported since its last refresh; they would make the new one look worse."""
    new, live = (space.generation for space in spaces)
    late = _read_products_without(live, new)
    kept = [n for n, view in enumerate(views) if view.product_id not in late]
    if len(kept) < MIN_QUERIES:
        return None
    views = [views[n] for n in kept]
    ranks, live_ranks = (_rank(views, [each[n] for n in kept], late) for each in answers)
    return ComparedSelfTests(
        SelfTest.from_ranks(kind, ranks),
        SelfTest.from_ranks(kind, live_ranks),
        bootstrap_difference(ranks <= 5, live_ranks <= 5),
    )


def _search(
    space: IndexSpace, views: Sequence[HeldOutView], vectors: np.ndarray, check: Check
) -> Answers:
    answers = []
    for found in search_views(space, views, vectors):
        answers.append([product_id for product_id, _score in found])
        check()
    return answers


def _rank(views: Sequence[HeldOutView], answers: Answers, left_out: Container[int]) -> np.ndarray:
    """Returns the rank of each view's product, float (n,), without the products left out."""
    return np.array(
        [
            rank_product(view, [product for product in found if product not in left_out])
            for view, found in zip(views, answers, strict=True)
        ]
    )


def _read_products_without(live: Generation, new: Generation) -> set[int]:
    """Returns the ids of the products that `new` has and `live` has not."""
    query = sql.SQL(
        "SELECT product_id FROM ({new}) AS new EXCEPT SELECT product_id FROM ({live}) AS live"
    ).format(new=vector_store().contents(new), live=vector_store().contents(live))
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}
