"""The thresholds of exact results, worked out by hand."""

import numpy as np
import pytest

from catalog.index.match import Calibration
from indexing.quality.match_calibration import (
    FirstResults,
    Threshold,
    calibrate_exact,
    fit_exact,
    wilson_lower_bound,
)

RIGHT = [0.6 - 0.001 * n for n in range(40)]  # margins of right results, 0.6 to 0.561
STRANGERS = [0.01 * n for n in range(101)]  # margins, of which 95 % are at most 0.95


def firsts(
    margins: list[float],
    right: list[bool],
    cosines: list[float] | None = None,
    products: list[int] | None = None,
) -> FirstResults:
    """Returns first results, each of another product, with cosines of 0.8."""
    return FirstResults(
        np.array(cosines if cosines is not None else [0.8] * len(margins)),
        np.array(margins),
        np.array(right, bool),
        np.array(products if products is not None else range(len(margins))),
    )


NO_STRANGERS = firsts([0.0], [False], [0.5])


@pytest.mark.parametrize(
    ("hits", "trials", "deviations", "expected"),
    [
        (10, 10, 0.84, 0.9341),  # 1 / (1 + 0.7056 / 10)
        (9, 10, 0.84, 0.7922),
        (0, 10, 0.84, 0.0),
        (50, 100, 2.0, 0.4019),  # (0.52 - 2 √(0.0025 + 0.0001)) / 1.04
    ],
)
def test_wilsons_lower_bound(hits: int, trials: int, deviations: float, expected: float) -> None:
    assert wilson_lower_bound(hits, trials, deviations) == pytest.approx(expected, abs=1e-3)


def test_first_results_of_answers() -> None:
    found = FirstResults.of([(7, [(7, 0.9), (8, 0.7)]), (8, [(9, 0.6), (8, 0.5)]), (9, [(9, 0.8)])])

    assert found.cosines.tolist() == [0.9, 0.6]
    assert found.margins == pytest.approx([0.2, 0.1])
    assert found.right.tolist() == [True, False]
    assert found.products.tolist() == [7, 8]


def test_exact_starts_where_nine_in_ten_are_reliably_right() -> None:
    # Given 20 wrong results below the right ones. The lower bounds of the right share are 93 % of
    # the first 41, 91 % of 42 and 89 % of 43.
    wrong = [0.5 - 0.001 * n for n in range(20)]
    first = firsts([*wrong, *RIGHT], [False] * 20 + [True] * 40)

    found = fit_exact(first, NO_STRANGERS, "labelled photos")

    assert found == Threshold(pytest.approx(0.499), pytest.approx(0.8))


def test_views_must_also_stand_out_more_than_strangers() -> None:
    # Given right results that all have greater margins than wrong ones.
    first = firsts(RIGHT, [True] * 40)

    by_photos = fit_exact(first, firsts(STRANGERS, [False] * 101), "labelled photos")
    by_views = fit_exact(first, firsts(STRANGERS, [False] * 101), "views")

    assert by_photos == Threshold(pytest.approx(0.561), pytest.approx(0.8))
    assert by_views == Threshold(pytest.approx(0.95), pytest.approx(0.8))


def test_photos_farther_than_most_views_are_never_exact() -> None:
    # Given 41 right views with cosines from 0.5 to 0.9. A quarter of them is below 0.6.
    cosines = [0.5 + 0.01 * n for n in range(41)]
    # And wrong ones below that, with great margins.
    first = firsts([0.2] * 41 + [0.9] * 20, [True] * 41 + [False] * 20, cosines + [0.55] * 20)

    found = fit_exact(first, NO_STRANGERS, "views")

    assert found == Threshold(0.2, pytest.approx(0.6))
    assert found.allows(first).tolist() == [False] * 10 + [True] * 31 + [False] * 20


def test_photos_farther_than_nearly_all_labelled_ones_are_never_exact() -> None:
    # Given 41 right results with cosines from 0.5 to 0.9. A twentieth of them is below 0.52. And
    # photos of other goods, which are farther from everything, with great margins.
    cosines = [0.5 + 0.01 * n for n in range(41)]
    first = firsts([0.2] * 41 + [0.9] * 20, [True] * 41 + [False] * 20, cosines + [0.45] * 20)

    found = fit_exact(first, NO_STRANGERS, "labelled photos")

    assert found == Threshold(0.2, pytest.approx(0.52))
    assert found.allows(first).tolist() == [False] * 2 + [True] * 39 + [False] * 20


def test_without_reliable_results_nothing_is_exact() -> None:
    assert fit_exact(firsts(RIGHT, [False, True] * 20), NO_STRANGERS, "views") is None
    assert fit_exact(firsts(RIGHT, [False] * 40), NO_STRANGERS, "views") is None

    found = calibrate_exact(Calibration(), firsts(RIGHT, [False] * 40), NO_STRANGERS, "views")

    assert (found.exact_margin, found.exact_share, found.exact_right) == (None, 0.0, None)


def test_the_figures_come_from_photos_held_out() -> None:
    # Given five products of ten photos each. The photos of the last one have lower margins and are
    # all wrong. The thresholds fitted on the other four call results exact from 0.5 on.
    products = [product for product in range(5) for _ in range(10)]
    first = firsts([*[0.5] * 40, *[0.4] * 10], [True] * 40 + [False] * 10, [0.8] * 50, products)

    found = calibrate_exact(Calibration(), first, NO_STRANGERS, "labelled photos")

    # Then none of them is called exact, and all other 40 are, by thresholds fitted on 30 of them.
    assert found.exact_margin == 0.5
    assert (found.queries, found.source) == (50, "labelled photos")
    assert found.exact_share == pytest.approx(0.8)
    assert found.exact_right == 1.0


def test_photos_held_out_may_be_called_exact_and_wrong() -> None:
    # Given equal margins, and one of five products with only wrong results. When that product is
    # held out, all others are right and 0.5 is exact. Otherwise too few are right.
    products = [product for product in range(5) for _ in range(10)]
    first = firsts([0.5] * 50, [product != 4 for product in products], [0.8] * 50, products)

    found = calibrate_exact(Calibration(), first, NO_STRANGERS, "labelled photos")

    assert found.exact_margin is None
    assert found.exact_share == pytest.approx(0.2)
    assert found.exact_right == 0.0


def test_the_same_photo_is_closer_than_strangers_are() -> None:
    near = firsts([0.1] * 101, [False] * 101, [0.9 + 0.001 * n for n in range(101)])
    first = firsts(RIGHT, [True] * 40)

    assert calibrate_exact(Calibration(), first, near, "views").same_photo_cosine == pytest.approx(
        0.995
    )
    assert calibrate_exact(
        Calibration(), first, NO_STRANGERS, "views"
    ).same_photo_cosine == pytest.approx(0.95)
