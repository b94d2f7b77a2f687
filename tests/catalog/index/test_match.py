"""Resemblance, match margin and calibrations. The numbers are worked out by hand."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from catalog.index.match import (
    Calibration,
    Neighbourhood,
    measure_closeness,
    measure_neighbourhood,
)

EAST, NORTH = np.array([1.0, 0.0]), np.array([0.0, 1.0])
CALIBRATED = Calibration(
    similar_resemblance=0.3,
    exact_margin=0.1,
    exact_cosine=0.6,
    same_photo_cosine=0.95,
    source="views",
)
OF_VERSION_0_1 = {
    "exact": 0.186,
    "something": 0.14,
    "similar": 0.047,
    "photos": 60,
    "covered": 0.73,
    "right": 0.93,
    "nothing": 109,
    "weak": 0.94,
    "blank": 0.84,
}


def test_a_margin_is_the_distance_to_the_next_product() -> None:
    near = measure_neighbourhood([0.5, 0.8, 0.7], EAST, np.empty((0, 2)))

    assert near == Neighbourhood(0.8, 0.7, None)
    assert near.margin == pytest.approx(0.1)
    assert near.resemblance(0.8) is None


def test_resemblance_is_lower_for_a_query_close_to_photos_of_nothing() -> None:
    # Given six photos of nothing. The five nearest have cosines of 1, 1, 1, 0.6 and 0.4 with the
    # query, on average 0.8.
    nothing = np.array([[1, 0], [1, 0], [1, 0], [0.6, 0.8], [0.4, 0.917], [0, 1]])

    near = measure_neighbourhood([0.8, 0.7], EAST, nothing)

    assert near == Neighbourhood(0.8, 0.7, pytest.approx(0.8))
    assert near.resemblance(0.8) == pytest.approx(0.4)
    assert near.resemblance(0.7) == pytest.approx(0.3)


def test_closeness_is_the_mean_over_the_nearest_photos_of_nothing() -> None:
    few = np.array([EAST, NORTH])

    assert measure_closeness(np.array([EAST, EAST]), few) == pytest.approx([0.5, 0.5])


def test_a_single_product_is_far_from_the_next_one() -> None:
    assert measure_neighbourhood([0.4], EAST, np.empty((0, 2))) == Neighbourhood(0.4, -1.0, None)
    assert measure_neighbourhood([], EAST, np.empty((0, 2))) is None


@pytest.mark.parametrize(
    ("similarity", "near", "expected"),
    [
        (0.8, Neighbourhood(0.8, 0.69, 0.6), True),
        (0.8, Neighbourhood(0.8, 0.71, 0.6), False),  # a margin of 0.09
        (0.69, Neighbourhood(0.8, 0.69, 0.6), False),  # not the nearest product
        (0.59, Neighbourhood(0.59, 0.2, 0.1), False),  # too far, whatever the margin
        (0.7, Neighbourhood(0.7, 0.5, 0.9), False),  # a resemblance of 0.25
        (0.95, Neighbourhood(0.97, 0.96, 0.9), True),  # the same photo
    ],
)
def test_the_nearest_product_is_exact_if_it_stands_alone(
    similarity: float, near: Neighbourhood, expected: bool
) -> None:
    assert CALIBRATED.is_exact(similarity, near) == expected
    assert not Calibration(similar_resemblance=0.3).is_exact(similarity, near)
    assert not replace(CALIBRATED, similar_resemblance=None).is_exact(similarity, near)
    assert not CALIBRATED.without_exact().is_exact(similarity, near)


def test_what_is_similar_may_be_unknown() -> None:
    near = Neighbourhood(0.8, 0.7, 0.6)

    assert CALIBRATED.is_similar(0.61, near)
    assert not CALIBRATED.is_similar(0.59, near)
    assert Calibration().is_similar(0.8, near) is None
    assert CALIBRATED.is_similar(0.8, Neighbourhood(0.8, 0.7)) is None


def test_only_a_complete_calibration_knows_both() -> None:
    assert CALIBRATED.is_complete
    assert not Calibration(similar_resemblance=0.3).is_complete
    assert not Calibration(source="labelled photos").is_complete


def test_a_calibration_is_read_as_it_was_stored() -> None:
    assert Calibration.from_json(asdict(CALIBRATED)) == CALIBRATED
    assert Calibration.from_json({**asdict(CALIBRATED), "later": 1}) == CALIBRATED
    assert Calibration.from_json({}) == Calibration()


def test_of_a_calibration_by_an_older_version_only_the_blank_threshold_applies() -> None:
    assert not Calibration.is_current(OF_VERSION_0_1)
    assert Calibration.from_json(OF_VERSION_0_1) == Calibration(blank_cosine=0.84)
    assert Calibration.is_current(asdict(Calibration()))


def test_a_calibration_without_a_least_cosine_is_measured_again() -> None:
    stored = {"similar_resemblance": 0.3, "word_cosine": 0.1, "exact_cosine": 0.5}

    assert Calibration.is_current(stored)
    assert not Calibration.is_current({**stored, "exact_cosine": -1.0})
    assert Calibration.is_current({**stored, "exact_cosine": None})  # nothing is exact
