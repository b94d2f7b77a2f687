"""Standing out, by numbers worked out by hand."""

import pytest

from catalog.standing import AROUND, LEAST, Spread, spread_of


def test_standing_is_counted_in_standard_deviations() -> None:
    # Given 98 at 0.5 and 2 at 0.8: a mean of 0.506, a variance of 0.0018 - 0.006² = 0.001764.
    spread = spread_of([0.5] * 98 + [0.8] * 2)

    assert spread == Spread(pytest.approx(0.506), pytest.approx(0.042), 0.8)
    assert spread.standing(0.8) == pytest.approx(7.0)
    assert spread.standing(0.506) == pytest.approx(0.0)


def test_only_the_nearest_count() -> None:
    near = [0.9, *[0.5] * (AROUND - 1)]

    assert spread_of([*near, *[0.1] * 500]) == spread_of(near)


@pytest.mark.parametrize("similarities", [[], [0.9, 0.5] * (LEAST // 2 - 1), [0.7] * LEAST])
def test_nothing_stands_out_from_too_few_or_from_its_likes(similarities: list[float]) -> None:
    assert spread_of(similarities) is None


def test_as_many_as_are_needed() -> None:
    assert spread_of([0.9] + [0.5] * (LEAST - 1)) is not None
