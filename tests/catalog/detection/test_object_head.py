"""One pass over a photo gives its embedding and the cells of the object head."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.detection.object_head import (
    ObjectHead,
    cell_centres,
    load_object_head,
    save_object_head,
)
from catalog.detection.object_head_detector import ObjectHeadDetector
from catalog.visual import encoder_cache
from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.encoder_cache import compile_model, load_compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.openvino_encoder import OpenVinoEncoder
from catalog.visual.torch_encoder import TorchEncoder
from tests.catalog.detection.object_model import CHANNELS, SIDE, efficientnet_model, random_head

# Warnings are errors in tests; the converter and torch warn about each other.
pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return efficientnet_model(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def compiled(model: str, tmp_path_factory: pytest.TempPathFactory) -> OpenVinoEncoder:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_cache, "_compile_in_child", compile_model)
        return OpenVinoEncoder(model, cache)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)


def test_cells_come_row_by_row_with_their_centres() -> None:
    centres = cell_centres(2, 4)

    assert centres.tolist() == [
        [0.125, 0.25],
        [0.375, 0.25],
        [0.625, 0.25],
        [0.875, 0.25],
        [0.125, 0.75],
        [0.375, 0.75],
        [0.625, 0.75],
        [0.875, 0.75],
    ]


def test_an_untrained_head_has_low_scores_and_boxes_around_each_cell() -> None:
    import torch

    head = ObjectHead(*CHANNELS).eval()

    cells = head(torch.zeros(2, 112, 4, 4), torch.zeros(2, 320, 2, 2))[0].detach().numpy()

    assert cells.shape == (2, 16, 5)
    # Outputs are 0: sigmoid(-log 99) = 0.01, and softplus(0) / 4 = log(2) / 4 = 0.1733.
    assert cells[..., 0] == pytest.approx(np.full((2, 16), 0.01), abs=1e-6)
    first = [0.125 - 0.1733, 0.125 - 0.1733, 0.125 + 0.1733, 0.125 + 0.1733]
    assert cells[0, 0, 1:] == pytest.approx(first, abs=1e-4)


def test_the_coarse_map_may_be_half_or_a_little_more_of_the_fine_one() -> None:
    import torch

    head = ObjectHead(*CHANNELS)
    for fine, coarse in ((14, 7), (15, 8)):
        cells, _ = head(torch.zeros(1, 112, fine, fine), torch.zeros(1, 320, coarse, coarse))
        assert cells.shape == (1, fine * fine, 5)


def test_single_is_a_logistic_function_of_pooled_features() -> None:
    import torch

    # Given a second photo with the means 1, 0, 0 of 3 channels and the maxima 4, 0, 0.
    head = ObjectHead(2, 3).eval()
    stride32 = torch.zeros(2, 3, 2, 2)
    stride32[1, 0, 0, 0] = 4.0
    with torch.no_grad():
        head.single.weight.copy_(torch.tensor([[1.0, 5.0, 5.0, -0.5, 5.0, 5.0]]))
        head.single.bias.fill_(3.0)

    _, single = head(torch.zeros(2, 2, 4, 4), stride32)

    expected = [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-(3 + 1 - 2)))]
    assert single.detach().numpy() == pytest.approx(expected, abs=1e-6)


def test_a_head_is_small() -> None:
    assert sum(weight.numel() for weight in ObjectHead(*CHANNELS).parameters()) <= 100_000


def test_one_pass_gives_the_embedding_and_the_cells(
    compiled: OpenVinoEncoder, pixels: np.ndarray
) -> None:
    output = compiled.run_object_head(pixels)

    assert output.vectors == pytest.approx(compiled.encode_pixels(pixels), abs=1e-4)
    assert output.cells.shape == (5, 16, 5)
    assert output.cells.dtype == np.float32
    assert output.cells[..., 0].std() > 0.01  # the photos and the cells differ
    assert output.single is not None
    assert output.single.shape == (5,)
    alone = np.concatenate([compiled.run_object_head(photo[None]).vectors for photo in pixels])
    assert output.vectors == pytest.approx(alone, abs=1e-5)
    assert compiled.object_head == ObjectHeadSettings(threshold=0.25, margin=0.1)


def test_torch_and_the_compiled_model_give_the_same_output(
    model: str, compiled: OpenVinoEncoder, pixels: np.ndarray
) -> None:
    uncompiled = TorchEncoder(model, "cpu")

    ours, theirs = compiled.run_object_head(pixels), uncompiled.run_object_head(pixels)

    assert theirs.vectors == pytest.approx(uncompiled.encode_pixels(pixels), abs=1e-4)
    assert ours.vectors == pytest.approx(theirs.vectors, abs=1e-4)
    assert ours.cells == pytest.approx(theirs.cells, abs=1e-3)
    assert ours.single == pytest.approx(theirs.single, abs=1e-4)
    assert uncompiled.object_head == compiled.object_head


def test_a_model_without_a_head_has_no_detector(
    tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_cache, "_compile_in_child", compile_model)
    name = efficientnet_model(tmp_path / "model", head=False)

    encoder = OpenVinoEncoder(name, tmp_path / "cache")

    assert encoder.object_head is None
    assert ObjectHeadDetector.for_encoder(encoder) is None
    with pytest.raises(EncoderError, match="has no object head"):
        encoder.run_object_head(pixels)
    assert not (load_compiled_model(name, tmp_path / "cache").folder / "objects.xml").exists()


def test_a_head_is_kept_in_half_precision(tmp_path: Path) -> None:
    head = random_head()

    save_object_head(head, ObjectHeadSettings(0.4, 0.05), tmp_path)
    kept = load_object_head(tmp_path)

    assert kept is not None
    assert kept[1] == ObjectHeadSettings(0.4, 0.05)
    for name, weights in kept[0].state_dict().items():
        assert weights.float().numpy() == pytest.approx(
            head.state_dict()[name].float().numpy(), abs=1e-3
        )
    assert (tmp_path / "object_head.safetensors").stat().st_size < 200_000


def test_a_head_of_the_first_version_finds_objects_and_does_not_tell_how_many(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    name = efficientnet_model(tmp_path / "model")
    save_object_head(random_head(tells_single=False), ObjectHeadSettings(), tmp_path / "model")
    assert '"version": 1' in (tmp_path / "model" / "object_head.json").read_text()

    encoder = TorchEncoder(name, "cpu")
    output = encoder.run_object_head(pixels)

    assert output.cells.shape == (5, 16, 5)
    assert output.single is None
    _, [found] = ObjectHeadDetector(encoder).encode_and_detect([Image.new("RGB", (64, 64))])
    assert found.single is None


def test_a_head_fits_the_channels_of_its_trunk(tmp_path: Path) -> None:
    save_object_head(ObjectHead(7, 9), ObjectHeadSettings(), tmp_path)

    kept = load_object_head(tmp_path)

    assert kept is not None
    assert kept[0].fine[0].in_channels == 7
    assert kept[0].coarse[0].in_channels == 9


def _change(folder: Path, **described: Any) -> None:
    file = folder / "object_head.json"
    kept = json.loads(file.read_text())
    kept["object_head"] |= described
    file.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "object_head.json").unlink(), "No such file"),
        (lambda folder: (folder / "object_head.safetensors").write_bytes(b""), "header"),
        (lambda folder: _change(folder, version=99), "version 99 is not 2"),
        (lambda folder: _change(folder, colour="red"), "colour"),
    ],
    ids=["no description", "empty weights", "another version", "unknown setting"],
)
def test_a_damaged_head_raises_a_sentence(damage: Any, reason: str, tmp_path: Path) -> None:
    save_object_head(random_head(), ObjectHeadSettings(), tmp_path)
    damage(tmp_path)

    with pytest.raises(EncoderError, match=rf"The object head in .+ cannot be read: .*{reason}"):
        load_object_head(tmp_path)


def test_a_head_that_does_not_fit_its_model_raises_a_sentence(tmp_path: Path) -> None:
    from catalog.visual.networks.open_clip_model import load_open_clip

    name = efficientnet_model(tmp_path / "model")
    file = tmp_path / "model" / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"]["vision_cfg"] = {
        "image_size": SIDE,
        "layers": 1,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    }
    file.write_text(json.dumps(config))
    import open_clip
    from safetensors.torch import save_file

    other = open_clip.CustomTextCLIP(
        **{key: value for key, value in config["model_cfg"].items() if key != "custom_text"}
    )
    save_file(other.state_dict(), tmp_path / "model" / "open_clip_model.safetensors")

    with pytest.raises(EncoderError, match=f"object head of '{name}' does not fit its model"):
        load_open_clip(name)
