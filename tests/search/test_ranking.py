"""Ranking by numbers worked out by hand."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from catalog.models import Product
from search.facets import VALUES_PER_FACET, facets_of
from search.query_vector import combine, mean_direction
from search.ranking import by_fusion, by_object, by_similarity, match_of, sorted_by
from search.retrieval import Candidate


def candidate(
    product_id: int,
    similarity: float | None = None,
    lexical: float = 0.0,
    price: str = "1",
    day: int = 0,
) -> Candidate:
    created_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return Candidate(product_id, similarity, lexical, Decimal(price), created_at)


def order(ranked: list[Any]) -> list[int]:
    return [item.candidate.product_id for item in ranked]


def test_the_nearest_comes_first_and_the_older_of_two_as_near() -> None:
    ranked = by_similarity([candidate(3, 0.2), candidate(2, 0.9), candidate(1, 0.2)])

    assert order(ranked) == [2, 1, 3]
    assert [item.score for item in ranked] == [0.9, 0.2, 0.2]
    assert ranked[0].parts == {"similarity": 0.9}


def test_a_score_stays_between_0_and_1() -> None:
    ranked = by_similarity([candidate(1, -0.5), candidate(2, 1.0000001), candidate(3)])

    assert [item.score for item in ranked] == [1.0, 0.0, 0.0]


def test_objects_take_turns_and_a_product_counts_for_the_one_it_is_most_like() -> None:
    # Given two objects: product 2 is near both, and more like the second.
    first = [candidate(1, 0.9), candidate(2, 0.8), candidate(3, 0.4), candidate(6, 0.3)]
    second = [candidate(2, 0.85), candidate(4, 0.7), candidate(1, 0.1)]

    ranked = by_object([first, second], [0, 1], [0.9, 0.9], 2.0)

    assert order(ranked) == [1, 2, 3, 4, 6]
    assert [item.object for item in ranked] == [0, 1, 0, 1, 0]
    assert [item.score for item in ranked] == [0.9, 0.85, 0.4, 0.7, 0.3]


def test_the_object_that_is_likeliest_to_be_meant_comes_first() -> None:
    # Likelihoods 0.6 · 0.5^2.5 = 0.106 and 0.5 · 0.9^2.5 = 0.384: 3.6 times.
    found = [[candidate(1, 0.5)], [candidate(2, 0.9), candidate(3, 0.2)]]

    turns = by_object(found, [0, 1], [0.6, 0.5], dominance=3.7)
    alone = by_object(found, [0, 1], [0.6, 0.5], dominance=3.5)

    assert [(item.candidate.product_id, item.object) for item in turns] == [(2, 1), (1, 0), (3, 1)]
    assert [(item.candidate.product_id, item.object) for item in alone] == [(2, 1), (3, 1)]


def test_one_query_without_an_object_is_ranked_by_similarity() -> None:
    candidates = [candidate(3, 0.2), candidate(2, -0.9), candidate(1, 0.2)]

    assert by_object([candidates], [None], [1.0], 2.0) == by_similarity(candidates)
    assert by_object([[]], [None], [1.0], 2.0) == []


def test_fusion_adds_the_reciprocals_of_both_ranks() -> None:
    # Given looks in the order 1, 2, 3 and words in the order 3, 1.
    ranked = by_fusion(
        [candidate(1, 0.9, 0.1), candidate(2, 0.8), candidate(3, 0.7, 0.5), candidate(4, None, 0.0)]
    )

    assert order(ranked) == [1, 3, 2, 4]
    best = 2 / 61
    assert [item.score for item in ranked] == pytest.approx(
        [(1 / 61 + 1 / 62) / best, (1 / 63 + 1 / 61) / best, (1 / 62) / best, 0.0]
    )
    assert ranked[1].parts == {"looks": pytest.approx(1 / 63), "words": pytest.approx(1 / 61)}


def test_first_by_looks_and_by_words_is_as_good_as_can_be() -> None:
    assert by_fusion([candidate(1, 0.1, 0.1), candidate(2, 0.05)])[0].score == 1.0


def test_equal_values_share_a_rank_in_fusion() -> None:
    # Given two with the same words: 1/61 each; the looks decide.
    ranked = by_fusion([candidate(1, 0.1, 0.3), candidate(2, 0.2, 0.3), candidate(3, 0.0, 0.2)])

    assert order(ranked) == [2, 1, 3]
    assert [item.parts["words"] for item in ranked] == pytest.approx([1 / 61, 1 / 61, 1 / 63])


def test_of_two_with_one_score_the_more_alike_comes_first() -> None:
    # Given 1 first by looks and 2 first by words: the same score.
    ranked = by_fusion([candidate(2, None, 0.5), candidate(1, 0.3)])

    assert [item.score for item in ranked] == [0.5, 0.5]
    assert order(ranked) == [1, 2]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("relevance", [1, 2, 3, 4]),
        ("price", [3, 1, 4, 2]),
        ("-price", [2, 1, 4, 3]),
        ("-created", [4, 3, 1, 2]),
    ],
)
def test_a_shopper_may_ask_for_another_order(sort: str, expected: list[int]) -> None:
    # Given two of one price: the better one first, whichever way prices go.
    ranked = by_similarity(
        [
            candidate(1, 0.9, price="5.00", day=2),
            candidate(2, 0.8, price="10.00", day=1),
            candidate(3, 0.7, price="4.99", day=3),
            candidate(4, 0.6, price="5.00", day=4),
        ]
    )

    assert order(sorted_by(ranked, sort)) == expected


@pytest.mark.parametrize(
    ("similarity", "lexical", "expected"),
    [
        (0.85, 0.0, "exact"),
        (0.8499, 0.0, "similar"),
        (0.6, 0.0, "similar"),
        (0.5999, 0.0, "weak"),
        (0.1, 0.01, "similar"),
        (None, 0.5, "similar"),
        (None, 0.0, "weak"),
        (0.9, 0.5, "exact"),
    ],
)
def test_how_well_something_fits_has_three_names(
    similarity: float | None, lexical: float, expected: str
) -> None:
    assert match_of(candidate(1, similarity, lexical), exact=0.85, similar=0.6) == expected


def test_parts_are_added_by_weight_and_brought_to_unit_length() -> None:
    across, up = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)

    towards = combine([(1.0, across), (0.75, up)])  # 1, 0.75: length 1.25
    away = combine([(1.0, across), (-0.75, up)])

    assert towards == pytest.approx([0.8, 0.6])
    assert away == pytest.approx([0.8, -0.6])
    assert towards.dtype == np.float32


def test_parts_that_cancel_out_give_no_direction_and_no_error() -> None:
    across = np.array([1.0, 0.0], np.float32)

    assert combine([(1.0, across), (-1.0, across)]) == pytest.approx([0, 0])


def test_the_mean_direction_of_vectors_has_unit_length() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32)

    assert mean_direction(vectors) == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert mean_direction(vectors[:1]) == pytest.approx([1, 0])


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_facets_count_as_a_person_would() -> None:
    ids = list(Product.objects.filter(pk__gt=0).values_list("pk", flat=True)[::3])
    products = list(Product.objects.filter(pk__in=ids).for_display())

    facets = facets_of(ids)

    def counted(values: list[tuple[str, int]]) -> list[int]:
        return sorted((count for _, count in values), reverse=True)[:VALUES_PER_FACET]

    brands = Counter(product.brand for product in products)
    categories = Counter(product.category.slug for product in products if product.category)
    tags = Counter(given.tag.slug for p in products for given in p.product_tags.all())
    for name, expected in (("brand", brands), ("category", categories), ("tag", tags)):
        shown = [(value["value"], value["count"]) for value in facets[name]]
        assert shown
        assert all(expected[value] == count for value, count in shown)
        assert [count for _, count in shown] == counted(list(expected.items()))
    prices = [float(product.price) for product in products]
    assert facets["price"] == {"min": min(prices), "max": max(prices)}
    assert sum(value["count"] for value in facets["category"]) == len(ids)


@pytest.mark.django_db
def test_nothing_has_empty_facets() -> None:
    assert facets_of([]) == {
        "category": [],
        "brand": [],
        "tag": [],
        "price": {"min": None, "max": None},
    }
