"""Photos of nothing: their resemblance, worked out by hand and measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.index.live_index import LiveIndex, live_index
from indexing.quality.photos_of_nothing import (
    PARTS,
    PHOTOS,
    find_photos_of_nothing,
    fit_threshold,
    measure_resemblance,
)
from tests.indexing.shop import add_product, add_products, rebuild

TRAINING = Path(__file__).resolve().parents[3] / "indexing" / "training"


def test_no_photo_of_nothing_is_a_training_picture() -> None:
    photos = {path.read_bytes() for path in find_photos_of_nothing()}
    sizes = {len(data) for data in photos}
    pictures = [path for path in TRAINING.rglob("*") if path.suffix in {".webp", ".jpg", ".png"}]

    assert len(photos) == 50
    assert len(pictures) > 100
    same_size = [path for path in pictures if path.stat().st_size in sizes]
    assert not photos & {path.read_bytes() for path in same_size}


def test_one_photo_of_nothing_in_forty_may_reach_the_threshold() -> None:
    # Of 201 photos, the 196th is greater than 195 and less than 5 others.
    assert fit([0.3] * 196 + [0.5] * 5) == pytest.approx(0.3)
    assert fit([0.3] * 195 + [0.5] * 6) == pytest.approx(0.5)


def test_a_normal_distribution_stands_in_for_extremes_that_few_photos_miss() -> None:
    # Given a median of 0.3 and a median deviation of 0.1: 0.3 + 1.96 · 1.4826 · 0.1 = 0.5906.
    assert fit([0.2, 0.3, 0.4] * 7) == pytest.approx(0.5906, abs=1e-4)


def test_photos_and_their_parts_must_both_stay_below() -> None:
    low, high = np.full(40, 0.1), np.full(40, 0.2)

    assert fit_threshold(low, high) == fit_threshold(high, low) == pytest.approx(0.2)


def fit(values: Sequence[float]) -> float:
    return fit_threshold(np.array(values), np.array([]))


@pytest.fixture
def shop(empty_shop: None) -> LiveIndex:
    add_products(range(60))
    rebuild()
    return live_index()


def test_few_photos_of_nothing_resemble_a_product(shop: LiveIndex) -> None:
    found = measure_resemblance(shop, lambda: None)

    assert found.photos == 50
    assert found.bank.shape == (50 * (1 + len(PARTS)), shop.generation.encoder.dimensions)
    assert found.threshold is not None
    assert found.weak is not None
    assert found.weak >= 0.85


def test_photos_of_what_a_shop_sells_are_left_out(empty_shop: None) -> None:
    # Given a shop that sells prints of five of the photos.
    add_products(range(60))
    for path in find_photos_of_nothing()[:5]:
        add_product(path.stem, path.read_bytes())
    rebuild()

    found = measure_resemblance(live_index(), lambda: None, something_cosine=0.98)

    assert found.photos == 45


def test_a_shop_that_sells_all_of_it_is_not_calibrated(shop: LiveIndex) -> None:
    found = measure_resemblance(shop, lambda: None, something_cosine=-1.0)

    assert (found.threshold, found.weak, found.photos, len(found.bank)) == (None, None, 0, 0)


def test_the_photos_can_be_read() -> None:
    for path in PHOTOS.iterdir():
        with Image.open(path) as image:
            assert min(image.size) >= 96
