"""Compares the click rates of two rankings, each shown to sessions of its own. Pure functions."""

import math
from typing import NamedTuple

from catalog.quality.paired_bootstrap import Difference

Z = 1.959964  # of 95 %
MIN_SESSIONS = 200  # of each ranking; fewer are not approximately normal
MIN_CLICKS = 30  # of each ranking
MAX_IMBALANCE = 3.5  # standard deviations; chance exceeds them once in 2,000 experiments


class ArmSums(NamedTuple):
    """What the sessions of one ranking were shown and opened, each product once a session: sums
    over sessions of s shown and c clicked products, of s², s·c and c²."""

    sessions: int = 0
    shown: int = 0
    clicked: int = 0
    shown_squared: int = 0
    shown_clicked: int = 0
    clicked_squared: int = 0

    @property
    def rate(self) -> float:
        """Clicked of all shown products, 0 to 1."""
        return self.clicked / self.shown if self.shown else 0.0

    @property
    def variance(self) -> float:
        """The variance of `rate`, by the delta method for a ratio of means over sessions: what one
        session clicks is not independent (Deng, Knoblich, Lu 2018, Applying the Delta Method in
        Metric Analytics)."""
        n, rate = self.sessions, self.rate
        if n < 2 or not self.shown:
            return 0.0
        residuals = self.clicked_squared - 2 * rate * self.shown_clicked
        residuals += rate * rate * self.shown_squared
        return max(0.0, residuals) * n / (n - 1) / (self.shown * self.shown)

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of `rate` that holds the true one in 95 of 100 experiments."""
        margin = Z * math.sqrt(self.variance)
        return max(0.0, self.rate - margin), min(1.0, self.rate + margin)


def rate_difference(first: ArmSums, second: ArmSums) -> Difference:
    """Returns the rate of `second` minus that of `first`, with its 95 % interval."""
    value = second.rate - first.rate
    margin = Z * math.sqrt(first.variance + second.variance)
    return Difference(value, value - margin, value + margin)


def has_enough(first: ArmSums, second: ArmSums) -> bool:
    """Returns whether both rankings have enough sessions and clicks for an interval to hold."""
    arms = (first, second)
    return all(arm.sessions >= MIN_SESSIONS and arm.clicked >= MIN_CLICKS for arm in arms)


def are_told_apart(first: ArmSums, second: ArmSums) -> bool:
    """Returns whether the interval of the difference leaves out 0, and both have enough."""
    difference = rate_difference(first, second)
    return has_enough(first, second) and not difference.low <= 0.0 <= difference.high


def are_halves(first: ArmSums, second: ArmSums) -> bool:
    """Returns whether the numbers of sessions differ no more than those of fair halves do."""
    both = first.sessions + second.sessions
    return abs(first.sessions - second.sessions) <= MAX_IMBALANCE * math.sqrt(both)
