"""Ranking, on numbers worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from catalog.index.vectors import combine, mean_direction
from search.ranking.grading import keep_relevant
from search.ranking.scoring import (
    Ranked,
    explain_score,
    rank_by_features,
    rank_by_fusion,
    rank_by_object,
    sort_ranked,
)
from search.retrieval.candidates import Candidate


def candidate(
    product_id: int,
    similarity: float | None = None,
    lexical: float = 0.0,
    price: str = "1",
    day: int = 0,
) -> Candidate:
    created_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return Candidate(product_id, similarity, lexical, Decimal(price), created_at)


def rank_by_cosine(candidates: list[Candidate], object: int | None = None) -> list[Ranked]:
    return rank_by_features(candidates, {}, {}, object)


def ids_of(ranked: list[Any]) -> list[int]:
    return [item.candidate.product_id for item in ranked]


def test_the_nearest_comes_first_and_lower_ids_break_ties() -> None:
    ranked = rank_by_cosine([candidate(3, 0.2), candidate(2, 0.9), candidate(1, 0.2)])

    assert ids_of(ranked) == [2, 1, 3]
    assert [item.score for item in ranked] == [0.9, 0.2, 0.2]
    assert ranked[0].base == {"similarity": 0.9}


def test_scores_are_not_clipped_before_sorting() -> None:
    ranked = rank_by_cosine([candidate(1, -0.5), candidate(2, 1.0000001), candidate(3)])

    assert ids_of(ranked) == [2, 3, 1]
    assert [item.score for item in ranked] == [1.0000001, 0.0, -0.5]


def test_features_are_weighted_by_their_distance_from_the_neutral_value() -> None:
    # Given a product that is sold out and clicked often, with a cosine of 0.5 and half of the tags.
    item = candidate(1, 0.5)._replace(in_stock=False, tags=[7], clicks=0.9)
    weights = {"tags": 0.1, "stock": 0.2, "clicks": 0.5, "price": 0.3}

    (ranked,) = rank_by_features([item], {7: 0.3, 8: 0.3}, weights)

    assert explain_score(ranked, weights) == pytest.approx(
        {"similarity": 0.5, "tags": 0.05, "stock": -0.2, "clicks": 0.2, "price": 0.0}
    )
    assert ranked.score == pytest.approx(0.55) == sum(explain_score(ranked, weights).values())


def test_without_weights_only_the_cosine_counts() -> None:
    sold_out = candidate(1, 0.51)._replace(in_stock=False)

    assert ids_of(rank_by_features([candidate(2, 0.5), sold_out], {}, {})) == [1, 2]
    assert ids_of(rank_by_features([candidate(2, 0.5), sold_out], {}, {"stock": 0.02})) == [2, 1]


def test_objects_take_turns_and_a_product_counts_for_its_most_similar_object() -> None:
    # Given two objects. Product 2 is near both, and nearer to the second.
    first = [candidate(1, 0.9), candidate(2, 0.8), candidate(3, 0.4), candidate(6, 0.3)]
    second = [candidate(2, 0.85), candidate(4, 0.7), candidate(1, 0.1)]

    ranked = rank_by_object([rank_by_cosine(first, 0), rank_by_cosine(second, 1)], [0.9, 0.9], 2.0)

    assert ids_of(ranked) == [1, 2, 3, 4, 6]
    assert [item.object for item in ranked] == [0, 1, 0, 1, 0]
    assert [item.score for item in ranked] == [0.9, 0.85, 0.4, 0.7, 0.3]


def test_the_most_likely_object_comes_first() -> None:
    # Likelihoods 0.6 · 0.5^2.5 = 0.106 and 0.5 · 0.9^2.5 = 0.384: 3.6 times.
    rows = [
        rank_by_cosine([candidate(1, 0.5)], 0),
        rank_by_cosine([candidate(2, 0.9), candidate(3, 0.2)], 1),
    ]

    turns = rank_by_object(rows, [0.6, 0.5], dominance=3.7)
    alone = rank_by_object(rows, [0.6, 0.5], dominance=3.5)

    assert [(item.candidate.product_id, item.object) for item in turns] == [(2, 1), (1, 0), (3, 1)]
    assert [(item.candidate.product_id, item.object) for item in alone] == [(2, 1), (3, 1)]


def test_one_query_without_an_object_is_unchanged() -> None:
    row = rank_by_cosine([candidate(3, -0.2), candidate(2, -0.9)])

    assert rank_by_object([row], [1.0], 2.0) == row
    assert rank_by_object([[]], [1.0], 2.0) == []


def test_fusion_adds_the_reciprocals_of_both_ranks() -> None:
    # Given looks in the order 1, 2, 3 and words in the order 3, 1.
    ranked = rank_by_fusion(
        [
            candidate(1, 0.9, 0.1),
            candidate(2, 0.8),
            candidate(3, 0.7, 0.5),
            candidate(4, None, 0.0),
        ],
        {},
    )

    assert ids_of(ranked) == [1, 3, 2, 4]
    best = 2 / 61
    assert [item.score for item in ranked] == pytest.approx(
        [(1 / 61 + 1 / 62) / best, (1 / 63 + 1 / 61) / best, (1 / 62) / best, 0.0]
    )
    assert ranked[1].base == pytest.approx({"looks": 61 / 63 / 2, "words": 61 / 61 / 2})


def test_first_by_looks_and_by_words_has_the_score_one() -> None:
    assert rank_by_fusion([candidate(1, 0.1, 0.1), candidate(2, 0.05)], {})[0].score == 1.0


def test_equal_values_share_a_rank_in_fusion() -> None:
    # Given two products with the same rank by words, 1/61 each. The looks decide.
    ranked = rank_by_fusion(
        [candidate(1, 0.1, 0.3), candidate(2, 0.2, 0.3), candidate(3, 0.0, 0.2)], {}
    )

    assert ids_of(ranked) == [2, 1, 3]
    assert [item.base["words"] for item in ranked] == pytest.approx([0.5, 0.5, 61 / 63 / 2])


def test_the_stock_weight_applies_to_fusion_too() -> None:
    # Given the ranks 1 and 2 by looks and words: the scores 1 and 61/62 are 0.016 apart.
    sold_out = candidate(1, 0.9, 0.9)._replace(in_stock=False)

    ranked = rank_by_fusion([sold_out, candidate(2, 0.8, 0.8)], {"stock": 0.02})

    assert ids_of(ranked) == [2, 1]
    assert ranked[1].score == pytest.approx(0.98)


def test_of_two_equal_scores_the_higher_cosine_comes_first() -> None:
    # Given product 1 first by looks and product 2 first by words: their scores are equal.
    ranked = rank_by_fusion([candidate(2, None, 0.5), candidate(1, 0.3)], {})

    assert [item.score for item in ranked] == [0.5, 0.5]
    assert ids_of(ranked) == [1, 2]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("relevance", [1, 2, 3, 4]),
        ("price", [3, 1, 4, 2]),
        ("-price", [2, 1, 4, 3]),
        ("-created", [4, 3, 1, 2]),
    ],
)
def test_results_are_sorted_by_price_or_date(sort: str, expected: list[int]) -> None:
    # Given two products of equal price: the more relevant comes first in both directions.
    ranked = rank_by_cosine(
        [
            candidate(1, 0.9, price="5.00", day=2),
            candidate(2, 0.8, price="10.00", day=1),
            candidate(3, 0.7, price="4.99", day=3),
            candidate(4, 0.6, price="5.00", day=4),
        ]
    )

    assert ids_of(sort_ranked(ranked, sort)) == expected


def test_weighted_parts_are_added_and_normalised() -> None:
    across, up = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)

    towards = combine([(1.0, across), (0.75, up)])  # 1, 0.75: length 1.25
    away = combine([(1.0, across), (-0.75, up)])

    assert towards == pytest.approx([0.8, 0.6])
    assert away == pytest.approx([0.8, -0.6])
    assert towards.dtype == np.float32


def test_parts_that_cancel_out_give_zeros_without_an_error() -> None:
    across = np.array([1.0, 0.0], np.float32)

    assert combine([(1.0, across), (-1.0, across)]) == pytest.approx([0, 0])


def test_the_mean_direction_of_vectors_has_unit_length() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32)

    assert mean_direction(vectors) == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert mean_direction(vectors[:1]) == pytest.approx([1, 0])


def test_only_results_that_are_like_an_object_or_of_its_kind_are_sorted() -> None:
    # Given a lamp (kind 1) and a chair (kind 2) in a photo, and a first page of 24 results.
    def result(product_id: int, object: int, kind: int, match: str = "weak") -> Ranked:
        item = candidate(product_id, 0.5)._replace(category_id=kind)
        return Ranked(item, 0.5, {}, {}, object, match=match)

    first = [result(1, 0, 1, "exact"), result(2, 1, 2), result(3, 0, 3, "similar")]
    others = [result(4, 0, 1), result(5, 0, 2), result(6, 1, 2), result(7, 1, 1)]
    rest = [result(10 + n, 0, 9) for n in range(17)]
    beyond = [result(40, 0, 1), result(41, 0, 9, "similar")]

    assert len([*first, *others, *rest]) == 24
    assert ids_of(keep_relevant([*first, *others, *rest, *beyond])) == [1, 2, 3, 4, 6, 41]


def test_without_categories_the_first_page_is_sorted() -> None:
    ranked = [Ranked(candidate(n, 0.5), 0.5, {}, {}) for n in range(30)]

    assert ids_of(keep_relevant(ranked)) == list(range(24))
