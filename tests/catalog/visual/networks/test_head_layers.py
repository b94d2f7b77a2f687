"""Layers around the head of an image tower, which the configuration of a model folder names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.visual.errors import EncoderError
from catalog.visual.networks.open_clip_model import load_open_clip
from catalog.visual.openvino_encoder import OpenVinoEncoder
from tests.catalog.detection.object_model import SIDE


def configure(folder: Path, **settings: object) -> None:
    path = folder / "open_clip_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def random_pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)


def encode(folder: Path) -> np.ndarray:
    import torch

    model = load_open_clip(f"local-dir:{folder}")
    with torch.inference_mode():
        vectors: np.ndarray = model.image_tower(torch.from_numpy(random_pixels())).numpy()
    return vectors


def test_the_head_gets_the_power_of_the_features(folder: Path) -> None:
    import torch

    plain: Any = load_open_clip(f"local-dir:{folder}").image_tower
    visual = plain.model.visual
    with torch.inference_mode():
        features = visual.trunk(plain.inputs(torch.from_numpy(random_pixels())))
        expected = visual.head(features.clamp(min=1e-3).sqrt())
        expected = torch.nn.functional.normalize(expected, dim=1).numpy()

    configure(folder, feature_power=0.5)

    np.testing.assert_allclose(encode(folder), expected, atol=1e-5)


def test_each_part_gets_its_length(folder: Path) -> None:
    before = encode(folder)

    configure(folder, part_lengths=[[4, 3], [12, 4.0]])

    after = encode(folder)
    for part, length in ((slice(4), 0.6), (slice(4, 16), 0.8)):
        np.testing.assert_allclose(np.linalg.norm(after[:, part], axis=1), length, atol=1e-5)
        unit = before[:, part] / np.linalg.norm(before[:, part], axis=1, keepdims=True)
        np.testing.assert_allclose(after[:, part], length * unit, atol=1e-5)


@pytest.mark.long
def test_openvino_computes_what_torch_computes(folder: Path, tmp_path: Path) -> None:
    configure(folder, feature_power=0.5, part_lengths=[[4, 1.0], [12, 4.0]])

    encoder = OpenVinoEncoder(f"local-dir:{folder}", tmp_path / "compiled")

    np.testing.assert_allclose(encoder.encode_pixels(random_pixels()), encode(folder), atol=1e-4)


@pytest.mark.parametrize("power", [0, -1, 2, "0.5", [0.5], True])
def test_another_power_is_refused_with_the_file(folder: Path, power: object) -> None:
    configure(folder, feature_power=power)

    with pytest.raises(EncoderError, match=r"feature_power in .*open_clip_config\.json must be"):
        load_open_clip(f"local-dir:{folder}")


@pytest.mark.parametrize(
    "lengths", [1.0, [16], [[16]], [[4, 1.0], [4, 1.0]], [[0, 1], [16, 1]], [[16, 0]], [[16, "1"]]]
)
def test_lengths_that_do_not_fit_are_refused_with_the_file(folder: Path, lengths: object) -> None:
    configure(folder, part_lengths=lengths)

    with pytest.raises(EncoderError, match=r"part_lengths in .*open_clip_config\.json must be"):
        load_open_clip(f"local-dir:{folder}")
