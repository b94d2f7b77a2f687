"""Blending and spreading of rankings, with numbers worked out by hand."""

import pytest

from search.recommendations.blending import blend, spread


def test_a_product_of_two_rankings_comes_before_those_of_one() -> None:
    blended = blend({"taste": [1, 2, 3], "looks": [3, 4]}, {"taste": 1.0, "looks": 0.5})

    assert [product for product, _, _ in blended] == [3, 1, 2, 4]
    assert blended[0][1] == pytest.approx(1 / 22 + 0.5 / 20)
    assert [name for _, _, name in blended] == ["taste", "taste", "taste", "looks"]


def test_results_are_spread_over_categories() -> None:
    relevance = [1.0, 0.95, 0.9, 0.85, 0.3]
    categories = ["chairs", "chairs", "chairs", "lamps", "rugs"]

    # After a chair, another costs 0.3: 0.7 · 0.95 − 0.3 < 0.7 · 0.85. Then half are chairs.
    assert spread(relevance, categories, 3) == [0, 3, 1]
    assert spread(relevance, ["chairs"] * 5, 9) == [0, 1, 2, 3, 4]
    assert spread([], [], 3) == []
