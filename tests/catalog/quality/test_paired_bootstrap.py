"""The interval of a difference between two searches, worked out by hand."""

import numpy as np
import pytest

from catalog.quality.paired_bootstrap import bootstrap_difference


def test_equal_searches_do_not_differ() -> None:
    hits = np.array([True, False, True, True])

    assert bootstrap_difference(hits, hits) == (0, 0, 0)


def test_a_constant_difference_has_no_spread() -> None:
    assert bootstrap_difference(np.zeros(5), np.ones(5)) == (-1, -1, -1)


def test_the_interval_of_one_better_query_in_four() -> None:
    # The mean of a resample is 0 with a chance of (3/4)⁴ = 0.316, and 1 with (1/4)⁴ = 0.004. It is
    # at least 3/4 with 4 · (1/4)³ · 3/4 + 0.004 = 0.051. Above 3/4 lies less than 0.025.
    first, second = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])

    assert bootstrap_difference(first, second) == (0.25, 0, 0.75)


def test_queries_are_paired() -> None:
    # Given 400 queries, of which both searches find the same half, and one finds 40 others too.
    both = np.arange(400) < 200
    more = np.arange(400) < 240

    value, low, high = bootstrap_difference(more, both)

    # Then the deviation of the mean is √(0.1 · 0.9 / 400) = 0.015, whatever both find.
    assert value == pytest.approx(0.1)
    assert (low, high) == pytest.approx((0.1 - 1.96 * 0.015, 0.1 + 1.96 * 0.015), abs=0.004)


def test_the_interval_is_the_same_each_time() -> None:
    random = np.random.default_rng(5)
    first, second = random.random(300) < 0.5, random.random(300) < 0.4

    assert bootstrap_difference(first, second) == bootstrap_difference(first, second)
    assert bootstrap_difference(first, second) != bootstrap_difference(first, second, seed=1)


def test_large_samples_fit_into_memory() -> None:
    first = np.arange(1_500_000) % 2

    value, low, high = bootstrap_difference(first, np.zeros_like(first), resamples=3)

    assert value == 0.5
    assert 0.49 < low <= high < 0.51
