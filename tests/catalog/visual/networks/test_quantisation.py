"""Image towers in 8 bits."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from catalog.visual.encoder_cache import load_compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.networks.open_clip_model import load_open_clip
from catalog.visual.networks.quantisation import (
    FILE,
    fold_batch_norms,
    measure_ranges,
    quantise_trunk,
    write_ranges,
)
from catalog.visual.openvino_encoder import OpenVinoEncoder
from tests.catalog.detection.object_model import SIDE

ROOT = Path(__file__).resolve().parents[4]
IMAGES = ROOT / "catalog" / "demo" / "images"


def load(folder: Path, exact: bool = True) -> Any:
    return load_open_clip(f"local-dir:{folder}", exact=exact)


def random_pixels(count: int = 8) -> Any:
    import torch

    numbers = np.random.default_rng(0)
    return torch.from_numpy(numbers.integers(0, 256, (count, SIDE, SIDE, 3), np.uint8))


def test_folded_batch_norms_leave_the_output_as_it_was(folder: Path) -> None:
    import torch
    from torch import nn

    tower = load(folder).image_tower
    for layer in tower.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.normal_(layer.running_mean)
    before = tower(random_pixels())

    fold_batch_norms(tower.model.visual.trunk)

    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in tower.modules())
    torch.testing.assert_close(tower(random_pixels()), before, atol=1e-4, rtol=1e-3)


def test_ranges_are_the_mean_extremes_of_the_inputs() -> None:
    import torch
    from torch import nn

    tower = nn.Sequential(nn.Conv2d(1, 1, 1))
    batches = [
        torch.tensor([low, high]).view(1, 1, 1, 2) for low, high in ((-1.0, 2.0), (-3.0, 6.0))
    ]

    assert measure_ranges(tower, tower, batches) == {"0": (-2, 4)}


def test_sums_of_two_products_of_rounded_numbers_fit_16_bits(folder: Path) -> None:
    tower = load(folder).image_tower
    trunk = tower.model.visual.trunk
    ranges = measure_ranges(tower, trunk, [random_pixels()])
    assert "conv_stem" not in ranges  # its inputs are pixels

    quantise_trunk(trunk, ranges)

    for name, most in (("conv_pw", 63), ("conv_dw", 127), ("conv_pwl", 63)):
        layer = trunk.get_submodule(f"blocks.1.0.{name}")
        steps = layer.conv.weight.abs().amax((1, 2, 3)) / layer.weight_scales
        assert steps.numpy() == pytest.approx(most)
        # Inputs have 256 steps, and a depthwise convolution sums no products of two channels.
        assert name == "conv_dw" or 2 * 255 * most < 2**15


def test_a_model_folder_says_that_its_tower_is_rounded(folder: Path) -> None:
    exact = load(folder)
    ranges = measure_ranges(
        exact.image_tower, exact.image_tower.model.visual.trunk, [random_pixels()]
    )
    before = exact.checksum

    write_ranges(folder, ranges)

    rounded = load(folder, exact=False)
    assert rounded.checksum != before
    vectors = [model.image_tower(random_pixels()).numpy() for model in (load(folder), rounded)]
    cosines = (vectors[0] * vectors[1]).sum(1)
    assert (cosines > 0.9).all()
    assert (cosines < 0.999999).all()


@pytest.mark.parametrize(
    "content",
    ["{", '{"blocks.0.0.conv_dw": 1}', '{"blocks.9.conv": [0, 1]}', '{"bn1": [0, 1]}'],
    ids=["no JSON", "no pair", "no such layer", "no convolution"],
)
def test_ranges_that_do_not_fit_are_explained(folder: Path, content: str) -> None:
    (folder / FILE).write_text(content)

    with pytest.raises(EncoderError, match=FILE):
        load(folder, exact=False)


@pytest.mark.long
def test_the_starter_is_computed_in_integers_and_hardly_differs() -> None:
    import openvino

    encoder = OpenVinoEncoder("starter", settings.ENCODER_CACHE)
    images = [Image.open(path).convert("RGB") for path in sorted(IMAGES.glob("*/1.webp"))[::48]]
    pixels = encoder.preprocessing.batch(images)

    # The compiled tower does what torch does with rounded numbers,
    import torch

    rounded, exact = (
        load_open_clip("starter", exact=each).image_tower(torch.from_numpy(pixels)).numpy()
        for each in (False, True)
    )
    compiled = encoder.encode_pixels(pixels)
    assert (compiled * rounded).sum(1).min() > 0.99
    # in 8 bits for all convolutions but the first,
    core = openvino.Core().compile_model(
        load_compiled_model("starter", settings.ENCODER_CACHE).folder / "image.xml",
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    types = Counter(
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node in core.get_runtime_model().get_ops()
        if "Convolution" in node.get_rt_info()["layerType"].astype(str)
    )
    assert sum(types.values()) - types["f32"] > 40
    # and its vectors are near those of the exact tower.
    assert (compiled * exact).sum(1).mean() > 0.98
