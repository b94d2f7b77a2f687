"""Layers that training does not change: OpenVINO computes what torch would."""

from pathlib import Path

import pytest
import torch

from indexing.training.network import FROZEN_LAYERS, FrozenLayers, TrainedTower, load_model


@pytest.mark.parametrize("size", [64, 96])
def test_frozen_layers_compute_what_torch_computes(toy_encoder: Path, size: int) -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    tower = load_model(toy_encoder).image_tower
    expected = tower.model.encode_image(tower.inputs(pixels))

    frozen = FrozenLayers.find(tower, FROZEN_LAYERS)

    assert frozen is not None
    torch.testing.assert_close(frozen.encode(pixels), expected, atol=1e-4, rtol=1e-3)


def test_only_the_layers_behind_the_frozen_ones_learn(toy_encoder: Path) -> None:
    trained = TrainedTower(load_model(toy_encoder).image_tower)

    trained(torch.full((2, 64, 64, 3), 90, dtype=torch.uint8)).square().sum().backward()

    gradients = {
        name.split("trunk.")[-1]
        for name, parameter in trained.tower.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    assert {"blocks.3.0.conv_pw.weight", "conv_head.weight"} <= gradients
    assert not any(name.startswith(FROZEN_LAYERS) for name in gradients)


@pytest.mark.parametrize("frozen", [(), ("conv_stem", "bn1"), ("blocks.0", "blocks.1")])
def test_a_tower_without_frozen_first_layers_stays_in_torch(
    toy_encoder: Path, frozen: tuple[str, ...]
) -> None:
    assert FrozenLayers.find(load_model(toy_encoder).image_tower, frozen) is None
