"""The features of candidates, on numbers worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from search.ranking.features import FEATURES, compute_features, score_price
from search.retrieval.candidates import Candidate


def candidate(product_id: int, similarity: float | None = 0.5, price: str = "10") -> Candidate:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    return Candidate(product_id, similarity, 0.0, Decimal(price), created_at, category_id=1)


def test_every_candidate_has_every_feature() -> None:
    found = compute_features([candidate(1), candidate(2, None)], {})

    assert [tuple(features) for features in found] == [FEATURES, FEATURES]
    assert found[0] == {
        "similarity": 0.5,
        "tags": 0.0,
        "category": 1.0,
        "stock": 1.0,
        "price": 1.0,
        "popularity": 0.0,
        "clicks": 0.5,
    }
    assert found[1]["similarity"] == 0.0
    assert compute_features([], {1: 0.5}) == []


def test_the_tags_feature_is_the_share_of_the_photo_tag_scores() -> None:
    has = [candidate(1)._replace(tags=[1, 3, 9]), candidate(2)._replace(tags=[])]

    found = compute_features(has, {1: 0.6, 2: 0.2, 3: 0.2})

    assert [features["tags"] for features in found] == pytest.approx([0.8, 0.0])


def test_the_ten_nearest_candidates_decide_the_category() -> None:
    # Given ten near candidates, seven of category 1, two of category 2 and one of none, and one far
    # away.
    near = [candidate(n, 0.9)._replace(category_id=1) for n in range(7)]
    near += [candidate(n, 0.8)._replace(category_id=2) for n in (7, 8)]
    near += [
        candidate(9, 0.7)._replace(category_id=None),
        candidate(10, 0.1)._replace(category_id=3),
    ]

    found = [features["category"] for features in compute_features(near, {})]

    assert found == pytest.approx([0.7] * 7 + [0.2, 0.2, 0.0, 0.0])


def test_popularity_is_logarithmic_among_the_candidates() -> None:
    popular = [candidate(n)._replace(popularity=p) for n, p in enumerate((0, 9, 99))]

    found = [features["popularity"] for features in compute_features(popular, {})]

    assert found == pytest.approx([0.0, 0.5, 1.0])  # log 1, log 10, log 100


def test_stock_and_clicks_are_used_unchanged() -> None:
    (found,) = compute_features([candidate(1)._replace(in_stock=False, clicks=0.8)], {})

    assert (found["stock"], found["clicks"]) == (0.0, 0.8)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (20, 1.0),
        (100, 1.0),
        (4, 1.0),
        (100 * 10**0.5, 0.5),
        (4 / 10**0.5, 0.5),
        (1000, 0.0),
        (5000, 0.0),
        (0, 0.0),
    ],
)
def test_a_price_within_a_factor_of_five_of_the_median_scores_one(
    price: float, expected: float
) -> None:
    assert score_price(price, 20.0) == pytest.approx(expected)


def test_without_a_median_every_price_scores_one() -> None:
    assert score_price(0, None) == 1.0
    few = [candidate(n, price=price) for n, price in enumerate(("1", "1", "1", "900"))]
    enough = [*few, candidate(4, price="1")]

    assert {features["price"] for features in compute_features(few, {})} == {1.0}
    assert [features["price"] for features in compute_features(enough, {})] == [1, 1, 1, 0, 1]
