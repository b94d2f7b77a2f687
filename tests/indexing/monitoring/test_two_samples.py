"""The energy distance of two samples, with numbers worked out by hand, and its alarm level."""

import numpy as np
import pytest

from indexing.monitoring.drift.two_samples import ALARM_SHARE, compare_samples


def units(count: int, centre: float, random: np.random.Generator) -> np.ndarray:
    """Returns unit vectors (count, 8) around a direction between the first two axes."""
    middle = np.zeros(8)
    middle[:2] = np.cos(centre), np.sin(centre)
    vectors = middle + random.standard_normal((count, 8)) * 0.4
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_distance_of_two_points_is_twice_their_length() -> None:
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])

    assert compare_samples(x, y).value == pytest.approx(2 * np.sqrt(2))
    assert compare_samples(x, x).value == pytest.approx(0)


def test_lengths_within_a_sample_are_subtracted() -> None:
    both, one = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])

    # 2 · mean(√2, 0) − mean(0, √2, √2, 0) − 0
    assert compare_samples(both, one).value == pytest.approx(np.sqrt(2) - np.sqrt(2) / 2)


def test_samples_of_one_source_rarely_exceed_the_level() -> None:
    random = np.random.default_rng(5)

    distances = [compare_samples(units(60, 0, random), units(60, 0, random)) for _ in range(150)]

    alarms = np.mean([distance.value > distance.level for distance in distances])
    assert alarms <= 4 * (1 - ALARM_SHARE)


def test_samples_of_two_sources_exceed_the_level() -> None:
    random = np.random.default_rng(5)

    distances = [compare_samples(units(60, 0, random), units(60, 0.6, random)) for _ in range(20)]

    assert all(distance.value > distance.level for distance in distances)
