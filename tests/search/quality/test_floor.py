"""The floor: plain features and exact search."""

import numpy as np
import pytest

from catalog.quality.retrieval import nearest_products
from search.quality.figures import Outcome, summarise
from search.quality.floor import build_floor
from tests.indexing.conftest import empty_tables
from tests.indexing.shop import add_photo, add_product, photo
from tests.search.colour_spotter import png, scene


def test_a_product_counts_by_the_best_of_its_photos() -> None:
    cosines = np.array([0.5, 0.9, 0.7, 0.8, 0.1])

    assert nearest_products(cosines, ["a", "b", "b", "c", "a"], 10) == ["b", "c", "a"]
    assert nearest_products(cosines, ["a", "b", "b", "c", "a"], 2) == ["b", "c"]


@pytest.mark.django_db
def test_the_floor_finds_the_same_photo_and_the_box_of_a_photo() -> None:
    # Given a red and a blue product, one that is hidden, and a photo that cannot be read.
    empty_tables()
    red = add_product("red", photo("red", "PNG"))
    add_photo(red, b"not a photo")
    add_product("blue", photo("blue", "PNG"))
    add_product("hidden", photo("lime", "PNG"), is_visible=False)
    floor = build_floor()

    # When it searches by a blue thing on red.
    both = png(scene(("red", (0, 0, 320, 240)), ("blue", (160, 0, 320, 240))))

    # Then the box decides.
    assert floor.search([both], (0.5, 0, 0.5, 1), 10) == ["blue", "red"]
    assert floor.search([both], (0, 0, 0.5, 1), 10) == ["red", "blue"]
    assert floor.search([photo("red", "PNG"), photo("red", "PNG")], None, 1) == ["red"]


def test_the_floor_is_compared_by_the_same_queries() -> None:
    # Given four queries: the search finds two products first and the floor one of these, and both
    # find another later.
    outcomes = [
        Outcome("photo", 1, 1.0, floor_rank=1, has_floor=True),
        Outcome("photo", 1, 1.0, floor_rank=None, has_floor=True),
        Outcome("photo", 3, 1.0, floor_rank=4, has_floor=True),
        Outcome("photo", None, 1.0, floor_rank=None, has_floor=True),
    ]

    row = summarise(outcomes)["photo"]

    assert row["floor"] == {"recall@1": 0.25, "recall@5": 0.5, "recall@10": 0.5, "mrr": 0.3125}
    # One query in four differs, whose interval is worked out in test_paired_bootstrap.
    assert row["difference"]["recall@1"] == {"value": 0.25, "low": 0, "high": 0.75}
    assert row["difference"]["recall@5"] == {"value": 0.25, "low": 0, "high": 0.75}


def test_right_first_results_are_counted_by_their_match() -> None:
    outcomes = [
        Outcome("photo", 1, 1.0, match="exact"),
        Outcome("photo", 1, 1.0, match="weak"),
        Outcome("photo", 1, 1.0, match="weak"),
        Outcome("photo", 1, 1.0, match="similar"),
        Outcome("photo", 2, 1.0, match="exact"),
    ]

    row = summarise(outcomes)["photo"]

    assert (row["exact"], row["exact_right"]) == (0.4, 0.5)
    assert row["right_first"] == 4
    assert (row["right_exact"], row["right_similar"], row["right_weak"]) == (0.25, 0.25, 0.5)
    assert (row["floor"], row["difference"]) == (None, None)
