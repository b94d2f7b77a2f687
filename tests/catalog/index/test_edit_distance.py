"""The distance between a word and a typo of it."""

import pytest

from catalog.index.search_terms import edit_distance


@pytest.mark.parametrize(
    ("typed", "meant", "distance"),
    [
        ("lamp", "lamp", 0),
        ("lapm", "lamp", 1),  # swapped
        ("lmp", "lamp", 1),  # missing
        ("lammp", "lamp", 1),  # added
        ("lomp", "lamp", 1),  # wrong
        ("стлу", "стул", 1),
        ("pmal", "lamp", 3),
        ("", "lamp", 4),
    ],
)
def test_each_typo_counts_once(typed: str, meant: str, distance: int) -> None:
    assert edit_distance(typed, meant) == edit_distance(meant, typed) == distance
