"""Cut-outs pasted over strange backgrounds: boxes and seeds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.demo.strange.paste_photos import compose_photos, find_visible_box


@pytest.fixture
def red_product(tmp_path: Path) -> Path:
    cut_out = Image.new("RGBA", (120, 90))
    cut_out.paste((230, 10, 10, 255), (20, 15, 100, 75))
    cut_out.save(tmp_path / "mug-0.png")
    return tmp_path / "mug-0.png"


@pytest.fixture
def green_wall(tmp_path: Path) -> Path:
    Image.new("RGB", (320, 240), (60, 140, 60)).save(tmp_path / "wall.webp")
    return tmp_path / "wall.webp"


def test_the_box_encloses_the_visible_part():
    alpha = np.zeros((10, 20), np.float32)
    alpha[2:5, 4:14] = 1
    alpha[9, 19] = 0.1  # the end of a soft edge

    assert find_visible_box(alpha) == [0.2, 0.2, 0.5, 0.3]


@pytest.mark.parametrize("seed", range(8))
def test_the_box_holds_the_product(red_product, green_wall, seed):
    ((_, _, photo, (x, y, w, h), _),) = compose_photos([red_product], [green_wall], seed)

    pixels = np.asarray(photo, int)
    red = pixels[..., 0] > pixels[..., 1] + 60
    ys, xs = np.nonzero(red)
    assert 360 <= max(photo.size) <= 480
    assert xs.min() == pytest.approx(x * photo.width, abs=4)
    assert xs.max() == pytest.approx((x + w) * photo.width, abs=4)
    assert ys.min() == pytest.approx(y * photo.height, abs=4)
    assert ys.max() == pytest.approx((y + h) * photo.height, abs=4)
    assert 0.2 < max(w, h) <= 0.82


def test_the_seed_determines_the_photos(red_product, green_wall):
    first, again, other = (
        next(compose_photos([red_product], [green_wall], seed))[2].tobytes() for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other
