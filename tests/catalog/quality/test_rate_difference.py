"""The difference of two click rates: worked out by hand, and over many experiments."""

import numpy as np
import pytest

from catalog.quality.rate_difference import (
    ArmSums,
    are_halves,
    are_told_apart,
    has_enough,
    rate_difference,
)

EXPERIMENTS = 2_000


def sums_of(shown: np.ndarray, clicked: np.ndarray) -> ArmSums:
    values = (shown, clicked, shown * shown, shown * clicked, clicked * clicked)
    return ArmSums(len(shown), *(int(value.sum()) for value in values))


def make_shoppers(rate: float, number: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Sessions that see 12, 24, … products, and what they open. Each has its own inclination to
    click, so that a handful of sessions make most of the clicks."""
    random = np.random.default_rng(7)
    shown = 12 * (1 + random.poisson(0.7, number))
    inclination = random.beta(2 * rate, 2 * (1 - rate), number)
    return shown, random.binomial(shown, inclination)


def draw_arms(shoppers: tuple[np.ndarray, np.ndarray], sessions: int, seed: int) -> list[ArmSums]:
    """What a ranking gets in each of EXPERIMENTS experiments."""
    shown, clicked = shoppers
    random = np.random.default_rng(seed)
    return [
        sums_of(shown[drawn], clicked[drawn])
        for drawn in (random.integers(len(shown), size=sessions) for _ in range(EXPERIMENTS))
    ]


def test_a_rate_and_its_interval_by_hand() -> None:
    # Three sessions: 1 of 10, 3 of 10, 2 of 20. The rate is 6 of 40, and the clicks beyond
    # 0.15 times the shown products are -0.5, 1.5 and -1.
    arm = sums_of(np.array([10, 10, 20]), np.array([1, 3, 2]))

    assert arm.rate == pytest.approx(0.15)
    assert arm.variance == pytest.approx((0.25 + 2.25 + 1.0) * 3 / 2 / 40**2)
    low, high = arm.interval
    assert (low, high) == pytest.approx((0.15 - 1.959964 * arm.variance**0.5, 0.15 * 2 - low))
    difference = rate_difference(ArmSums(), arm)
    assert difference.value == pytest.approx(0.15)


@pytest.mark.parametrize(("sessions", "rate"), [(200, 0.05), (1_000, 0.02), (3_000, 0.03)])
def test_two_equal_rankings_differ_in_five_of_a_hundred_experiments(
    sessions: int, rate: float
) -> None:
    shoppers = make_shoppers(rate)
    arms = zip(
        draw_arms(shoppers, sessions, seed=1), draw_arms(shoppers, sessions, seed=2), strict=True
    )

    told = sum(are_told_apart(first, second) for first, second in arms)

    assert 0.035 <= told / EXPERIMENTS <= 0.065


def test_a_better_ranking_is_found_and_its_difference_lies_in_the_interval() -> None:
    usual, better = make_shoppers(0.03), make_shoppers(0.045)
    true = better[1].sum() / better[0].sum() - usual[1].sum() / usual[0].sum()
    arms = zip(draw_arms(usual, 3_000, seed=1), draw_arms(better, 3_000, seed=2), strict=True)
    found, held = 0, 0
    for first, second in arms:
        difference = rate_difference(first, second)
        found += are_told_apart(first, second) and second.rate > first.rate
        held += difference.low <= true <= difference.high

    assert found / EXPERIMENTS > 0.9
    assert 0.935 <= held / EXPERIMENTS <= 0.965


def test_nothing_is_told_of_few_sessions_or_clicks() -> None:
    many = ArmSums(1_000, 12_000, 1_000, 144_000, 12_000, 1_000)

    assert has_enough(many, many)
    assert not has_enough(many, ArmSums(199, 12_000, 1_000))
    assert not has_enough(ArmSums(1_000, 12_000, 29), many)
    assert not are_told_apart(ArmSums(100, 1_200, 5, 14_400, 60, 5), many)


def test_halves_of_unequal_size_are_noticed() -> None:
    assert are_halves(ArmSums(5_150), ArmSums(4_850))
    assert not are_halves(ArmSums(5_300), ArmSums(4_700))
