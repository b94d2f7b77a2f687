"""The calibration of match margins, worked out by hand and measured on the demo."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.index.live_index import live_generation
from catalog.index.match_margin import MIN_PRODUCTS, Calibration
from catalog.models import Adapter
from indexing.encoder_registry import register_encoder
from indexing.generations import publishing
from indexing.generations.adoption import adopt_encoder, fit_adapter_to_live
from indexing.quality.match_calibration import calibrate, describe_calibration, wilson_lower_bound
from tests.indexing.shop import add_products, label_photos, rebuild

RELIABLE = [6.0 - 0.01 * n for n in range(40)]  # margins of 40 right results, 6.0 to 5.61
PRODUCTS = list(range(40))


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


def test_exact_starts_where_nine_in_ten_are_reliably_right() -> None:
    # Given 20 wrong results below them. The lower bounds of the right share are 93 % of the first
    # 41, 91 % of 42 and 89 % of 43.
    wrong = [5.0 - 0.01 * n for n in range(20)]

    found = calibrate([*wrong, *RELIABLE], [False] * 20 + [True] * 40, range(60), [3.0] * 100)

    assert found.exact == pytest.approx(4.99)
    assert found.photos == 60
    assert (found.nothing, found.weak) == (100, 1.0)


def test_the_figures_come_from_photos_held_out() -> None:
    # Given five products of ten photos each. The photos of the last one have lower margins and are
    # all wrong. The thresholds fitted on the other four call results exact from 5.0 on.
    margins = [*[5.0] * 40, *[4.0] * 10]
    products = [product for product in range(5) for _ in range(10)]
    right = [True] * 40 + [False] * 10

    found = calibrate(margins, right, products, [1.0] * 19 + [4.5])

    # Then none of them is called exact, and all other 40 are, by thresholds fitted on 30 of them.
    assert found.exact == 5.0
    assert found.covered == pytest.approx(0.8)
    assert found.right == 1.0


def test_photos_held_out_may_be_called_exact_and_wrong() -> None:
    # Given equal margins, and one of five products with only wrong results. When that product is
    # held out, all others are right and 5.0 is exact. Otherwise too few are right.
    products = [product for product in range(5) for _ in range(10)]

    found = calibrate([5.0] * 50, [product != 4 for product in products], products, [1.0])

    assert found.exact is None
    assert found.covered == pytest.approx(0.2)
    assert found.right == 0.0


def test_photos_of_nothing_are_held_out_as_well() -> None:
    # Given ten photos of nothing in five folds. Without the 9.0, the others reach 2.0.
    found = calibrate(RELIABLE, [True] * 40, PRODUCTS, [1.0, *[2.0] * 8, 9.0])

    assert found.weak == pytest.approx(0.9)


def test_one_photo_of_nothing_in_twenty_may_exceed_the_threshold() -> None:
    # Of 100 photos, 0.95 · 101 = 95.95: another photo stays below the 96th in 95 % of cases.
    found = calibrate(RELIABLE, [True] * 40, PRODUCTS, [3.0] * 96 + [5.0] * 4)
    more = calibrate(RELIABLE, [True] * 40, PRODUCTS, [3.0] * 95 + [5.0] * 5)

    assert found.something == pytest.approx(3.0)
    assert more.something == pytest.approx(5.0)
    assert found.similar == pytest.approx(1.0)
    assert found.exact == pytest.approx(5.61)


def test_exact_is_never_below_the_margins_of_photos_of_nothing() -> None:
    found = calibrate(RELIABLE, [True] * 40, PRODUCTS, [5.795] * 10)

    assert found.exact == found.something == pytest.approx(5.795)
    assert found.covered == pytest.approx(21 / 40)


def test_without_a_reliable_margin_nothing_is_exact() -> None:
    found = calibrate(RELIABLE, [False, True] * 20, PRODUCTS, [3.0])

    assert (found.exact, found.covered, found.right) == (None, 0.0, None)


def test_with_too_few_labelled_photos_only_photos_of_nothing_count() -> None:
    found = calibrate([9.0] * 29, [False] * 29, range(29), [7.0] * 20)

    seven = pytest.approx(7.0)
    assert found == Calibration(seven, seven, pytest.approx(7 / 3), nothing=20, weak=1.0)
    assert found == calibrate([], [], [], [7.0] * 20)
    assert calibrate([], [], [], [0.01]).exact == Calibration().exact


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Calibration(), "assumed, not measured: too few products"),
        (
            Calibration(nothing=20, weak=0.95),
            "too few labelled photos; 95% of 20 photos of nothing",
        ),
        (Calibration(None, photos=60, covered=0.0, nothing=9, weak=1.0), "nothing is called exact"),
        (
            Calibration(photos=60, covered=0.7, right=0.954, nothing=109, weak=0.963),
            "exact for 70% of 60 labelled photos held out, 95% of these right; 96% of 109 photos",
        ),
    ],
)
def test_a_calibration_is_described_to_operators(found: Calibration, expected: str) -> None:
    assert expected in describe_calibration(found)


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_generation_is_calibrated_when_it_is_evaluated() -> None:
    generation = live_generation()

    assert generation is not None
    stored = generation.calibration
    assert (stored.photos, stored.nothing) == (60, 109)
    assert stored.exact == pytest.approx(0.186, abs=0.01)
    assert stored.something == pytest.approx(0.141, abs=0.005)
    assert stored.similar == pytest.approx(stored.something / 3)
    # One photo more or less is a matter of rounding.
    assert stored.covered == pytest.approx(44 / 60, abs=1.5 / 60)
    assert stored.right == pytest.approx(41 / 44, abs=1.5 / 44)
    assert stored.weak == pytest.approx(103 / 109, abs=1.5 / 109)
    printed = StringIO()
    call_command("index", "status", stdout=printed)
    assert "of 60 labelled photos held out" in printed.getvalue()


@pytest.mark.usefixtures("empty_shop")
def test_without_labelled_photos_exact_is_assumed() -> None:
    add_products(range(MIN_PRODUCTS))
    rebuild()

    generation = live_generation()

    assert generation is not None
    found = generation.calibration
    assert (found.photos, found.right) == (0, None)
    assert found.nothing == 109
    assert found.exact == max(Calibration().exact or 0, found.something)
    assert "assumed, not measured" in describe_calibration(found)


@pytest.mark.usefixtures("empty_shop")
def test_with_too_few_products_the_defaults_are_used() -> None:
    add_products(range(MIN_PRODUCTS - 1))
    rebuild()

    generation = live_generation()

    assert generation is not None
    assert generation.calibration == Calibration()


@pytest.mark.usefixtures("empty_shop")
def test_a_query_encoder_with_an_adapter_has_its_own_calibration(
    settings: Any, tmp_path: Path
) -> None:
    # Given 160 products, and a labelled photo of 40 of them.
    add_products(range(160))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(40))
    rebuild()
    own = live_generation()

    adapter = adopt_encoder("bent")

    adapted = live_generation()
    assert own is not None
    assert adapted is not None
    assert own.calibration.photos == adapted.calibration.photos == 40
    assert adapted.calibration == Calibration(**adapter.match) != own.calibration
    # Without the adapter, the generation has its own calibration again.
    publishing.roll_back()
    assert live_generation() == own
    assert getattr(live_generation(), "calibration", None) == own.calibration


@pytest.mark.usefixtures("empty_shop")
def test_an_adapter_that_may_not_be_used_is_not_calibrated() -> None:
    add_products(range(160))
    rebuild()

    fit_adapter_to_live(register_encoder("strange"))

    assert Adapter.objects.get().match == {}
