"""Match margins. The numbers are worked out by hand."""

import pytest

from catalog.index.match_margin import NEIGHBOURS, Neighbourhood, measure_neighbourhood


def test_a_margin_is_the_distance_from_the_mean_of_the_next_ten() -> None:
    # Given one product at 0.8, then one at 0.7 and nine at 0.5 with a mean of 0.52, then others.
    near = measure_neighbourhood([0.1] * 40 + [0.5] * 9 + [0.8, 0.7])

    assert near == Neighbourhood(0.8, pytest.approx(0.52))
    assert near.margin(0.8) == pytest.approx(0.28)
    assert near.margin(0.5) == pytest.approx(-0.02)


def test_equally_near_products_have_no_margin() -> None:
    near = measure_neighbourhood([0.7] * 50)

    assert near is not None
    assert near.margin(near.greatest) == pytest.approx(0.0)


def test_too_few_products_have_no_neighbourhood() -> None:
    assert measure_neighbourhood([0.9] + [0.5] * (NEIGHBOURS - 1)) is None
    assert measure_neighbourhood([]) is None
    assert measure_neighbourhood([0.9] + [0.5] * NEIGHBOURS) == Neighbourhood(0.9, 0.5)
