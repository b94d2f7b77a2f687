"""What may be called exact, by numbers worked out by hand."""

import pytest

from catalog.live_index import live_generation
from catalog.standing import Calibration
from indexing.calibration import calibrate, lower_bound

SURE = [6.0 - 0.01 * n for n in range(40)]  # 40 first results, 6.0 down to 5.61, all right


@pytest.mark.parametrize(
    ("hits", "trials", "deviations", "expected"),
    [
        (10, 10, 0.84, 0.9341),  # 1 / (1 + 0.7056 / 10)
        (9, 10, 0.84, 0.7922),
        (0, 10, 0.84, 0.0),
        (50, 100, 2.0, 0.4019),  # (0.52 - 2 √(0.0025 + 0.0001)) / 1.04
    ],
)
def test_the_lower_end_of_wilsons_interval(
    hits: int, trials: int, deviations: float, expected: float
) -> None:
    assert lower_bound(hits, trials, deviations) == pytest.approx(expected, abs=1e-3)


def test_exact_reaches_down_to_where_nine_in_ten_are_surely_right() -> None:
    # Given below them 20 wrong ones: of 41, 40 are right (surely 93 %), of 42 91 %, of 43 89 %.
    wrong = [5.0 - 0.01 * n for n in range(20)]

    found = calibrate([*wrong, *SURE], [False] * 20 + [True] * 40, nothing=[3.0] * 100)

    assert found.exact == pytest.approx(4.99)
    assert found.right == pytest.approx(40 / 42)
    assert found.covered == pytest.approx(42 / 60)
    assert found.photos == 60


def test_one_photo_of_nothing_in_twenty_may_look_like_something() -> None:
    nothing = [3.0] * 95 + [5.0] * 5

    found = calibrate(SURE, [True] * 40, nothing)

    assert found.something == pytest.approx(3.1, abs=0.11)
    assert found.exact == pytest.approx(5.61)


def test_nothing_is_exact_below_what_photos_of_nothing_reach() -> None:
    found = calibrate(SURE, [True] * 40, nothing=[5.8] * 10)

    assert found.exact == found.something == pytest.approx(5.8)
    assert found.covered == pytest.approx(21 / 40)


def test_where_nothing_is_sure_nothing_is_exact() -> None:
    found = calibrate(SURE, [False, True] * 20, nothing=[3.0])

    assert (found.exact, found.covered, found.right) == (None, 0.0, None)


def test_a_few_photos_say_nothing() -> None:
    assert calibrate([9.0] * 29, [True] * 29, [1.0]) == Calibration()
    assert calibrate([], [], []) == Calibration()


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_generation_is_calibrated_when_it_is_evaluated() -> None:
    generation = live_generation()

    assert generation is not None
    stored = Calibration(**generation.match)
    assert stored.photos == 60
    assert stored.exact is not None
    assert stored.exact >= stored.something >= stored.similar > 0
    assert stored.right is not None
    assert stored.right >= 0.9
    assert stored.covered is not None
    assert stored.covered >= 0.5
