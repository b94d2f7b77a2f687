"""Preprocessing gives the same pixels as open_clip's inference transform."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.preprocessing import MAX_ASPECT, Preprocessing

SQUARE, WIDE, TALL = (64, 64), (48, 96), (96, 48)  # height, width


def preprocessing(**config: Any) -> Preprocessing:
    return Preprocessing.from_config({"mean": (0, 0, 0), "std": (1, 1, 1), **config})


def open_clip_pixels(picture: Image.Image, **config: Any) -> np.ndarray:
    declare_missing_ops()
    from open_clip.transform import PreprocessCfg, image_transform_v2

    cfg = PreprocessCfg(mean=(0, 0, 0), std=(1, 1, 1), **config)
    tensor = image_transform_v2(cfg, is_train=False)(picture)
    return np.asarray(255 * tensor.permute(1, 2, 0).numpy()).round().astype(np.uint8)


def picture(width: int, height: int) -> Image.Image:
    """Gradients in every direction, with detail that shows other ways of resizing."""
    random = np.random.default_rng(width * 10_000 + height)
    coarse = random.integers(0, 256, (7, 5, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height)), np.int16)
    noisy = smooth + random.integers(-40, 40, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [SQUARE, WIDE, TALL], ids=["square", "wide", "tall"])
@pytest.mark.parametrize(
    "shape",
    [(200, 150), (150, 200), (64, 64), (333, 334), (20, 30), (1, 1), (640, 20), (21, 640)],
    ids=lambda shape: f"{shape[0]}x{shape[1]}",
)
def test_pixels_are_those_of_open_clip(
    shape: tuple[int, int], size: tuple[int, int], interpolation: str, mode: str
) -> None:
    config = {
        "size": size,
        "interpolation": interpolation,
        "resize_mode": mode,
        "fill_color": 255,
    }
    photo = picture(*shape)

    ours, theirs = preprocessing(**config).pixels(photo), open_clip_pixels(photo, **config)

    assert ours.shape == (*size, 3)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_the_margin_of_a_padded_photo_has_the_models_colour() -> None:
    config = {"size": 64, "resize_mode": "longest", "fill_color": 100}

    pixels = preprocessing(**config).pixels(Image.new("RGB", (100, 50), "red"))

    assert (pixels[:16] == 100).all()
    assert (pixels[16:48] == (255, 0, 0)).all()
    assert (pixels[48:] == 100).all()


@pytest.mark.parametrize("shape", [(60_000, 1), (1, 60_000), (9000, 100)])
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_only_the_middle_of_an_extremely_long_photo_is_used(
    mode: str, shape: tuple[int, int]
) -> None:
    # Given a black strip with a white middle of the length that is kept.
    strip = Image.new("L", shape, 0).convert("RGB")
    kept = MAX_ASPECT * min(shape)
    left, top = (max(0, side - kept) // 2 for side in shape)
    strip.paste("white", (left, top, shape[0] - left, shape[1] - top))

    pixels = preprocessing(size=64, resize_mode=mode, fill_color=255).pixels(strip)

    assert pixels.shape == (64, 64, 3)
    assert (pixels == 255).all()


def test_missing_options_have_the_defaults_of_clip() -> None:
    plain = preprocessing(size=224)

    assert (plain.height, plain.width) == (224, 224)
    assert (plain.resize_mode, plain.interpolation, plain.fill_color) == ("shortest", "bicubic", 0)


def test_a_stored_configuration_is_read_unchanged() -> None:
    written = preprocessing(size=(48, 96), resize_mode="squash", interpolation="bilinear")

    assert Preprocessing.from_config(written.config()) == written


def test_a_batch_keeps_its_order() -> None:
    photos = [picture(80, 60), picture(60, 80), picture(64, 64)]

    batch = preprocessing(size=64).batch(photos)

    assert batch.shape == (3, 64, 64, 3)
    for pixels, photo in zip(batch, photos, strict=True):
        assert (pixels == preprocessing(size=64).pixels(photo)).all()
