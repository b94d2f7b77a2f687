"""Layers that training does not change: OpenVINO computes what torch would."""

from pathlib import Path

import pytest
import torch

from indexing.training.network import (
    FROZEN_LAYERS,
    FrozenLayers,
    TrainedTower,
    find_normalised_convolutions,
    fuse,
    load_model,
)


@pytest.mark.parametrize("size", [64, 96])
def test_frozen_layers_compute_what_torch_computes(toy_encoder: Path, size: int) -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    tower = load_model(toy_encoder).image_tower
    expected = tower.model.encode_image(tower.inputs(pixels))

    frozen = FrozenLayers.find(tower, FROZEN_LAYERS)

    assert frozen is not None
    torch.testing.assert_close(frozen.encode(pixels), expected, atol=1e-4, rtol=1e-3)


def test_fused_layers_compute_and_learn_what_the_layers_would(toy_encoder: Path) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 3, 64, 64)
    trunk, fused = (
        load_model(toy_encoder).image_tower.model.visual.trunk.eval().requires_grad_(True)
        for _ in range(2)
    )
    for layer, norm in find_normalised_convolutions(fused):
        fuse(layer, norm)

    expected, found = trunk(inputs), fused(inputs)
    for output in (expected, found):
        output.square().sum().backward()

    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    for (name, parameter), (_, same) in zip(
        trunk.named_parameters(), fused.named_parameters(), strict=True
    ):
        torch.testing.assert_close(same.grad, parameter.grad, atol=1e-3, rtol=1e-2, msg=name)


def test_only_the_layers_behind_the_frozen_ones_learn(toy_encoder: Path) -> None:
    trained = TrainedTower(load_model(toy_encoder).image_tower)

    trained(torch.full((2, 64, 64, 3), 90, dtype=torch.uint8)).square().sum().backward()

    gradients = {
        name.split("trunk.")[-1]
        for name, parameter in trained.tower.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    assert {"blocks.3.0.conv_pw.weight", "conv_head.weight"} <= gradients
    assert not any(name.startswith(FROZEN_LAYERS) or "conv_dw" in name for name in gradients)


@pytest.mark.parametrize("frozen", [(), ("conv_stem", "bn1"), ("blocks.0", "blocks.1")])
def test_a_tower_without_frozen_first_layers_stays_in_torch(
    toy_encoder: Path, frozen: tuple[str, ...]
) -> None:
    assert FrozenLayers.find(load_model(toy_encoder).image_tower, frozen) is None
