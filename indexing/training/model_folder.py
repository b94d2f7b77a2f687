"""Reads and writes models as folders, which open_clip loads by `local-dir:`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from catalog.visual.model_source import local_folder, model_name
from catalog.visual.networks.open_clip_model import load_open_clip
from catalog.visual.networks.quantisation import FILE as QUANTISATION
from catalog.visual.networks.quantisation import measure_ranges, write_ranges
from indexing.training.pictures.cutouts import read_image

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
RANGE_PHOTOS, RANGE_BATCH = 96, 8


def write_model(
    model: torch.nn.Module, config: dict[str, Any], output: Path, half: bool = True
) -> None:
    """Writes the configuration and the weights of a model, by default in half precision."""
    output.mkdir(parents=True, exist_ok=True)
    (output / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    state = {
        name: (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    # Not by `save_file` of safetensors, whose files only their owner may read.
    (output / WEIGHTS).write_bytes(save(state, metadata={"format": "pt"}))


def read_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
    return config


def write_copy(name: str, output: Path) -> None:
    """Writes a copy of the encoder of that name, which may come from a hub. Raises EncoderError."""
    import open_clip

    loaded = load_open_clip(name, exact=True)
    model = loaded.image_tower.model
    folder = local_folder(name)
    if folder is not None:
        config = read_config(folder)
    else:
        config = {
            "model_cfg": open_clip.get_model_config(model_name(name)[0]),
            "preprocess_cfg": dict(model.visual.preprocess_cfg),
        }
    write_model(model, config, output, half=False)


def is_quantised(name: str) -> bool:
    """Returns whether the image tower of an encoder is an 8-bit one."""
    folder = local_folder(name)
    return folder is not None and (folder / QUANTISATION).exists()


def quantise_folder(folder: Path, photos: Sequence[Path]) -> None:
    """Makes the image tower of a model, a timm EfficientNet, an 8-bit one. Its ranges are those
    that RANGE_PHOTOS of the photos have."""
    model = load_open_clip(f"local-dir:{folder}", exact=True)
    trunk = model.image_tower.model.visual.trunk
    chosen = photos[:: max(1, len(photos) // RANGE_PHOTOS)][:RANGE_PHOTOS]
    pixels = [model.preprocessing.pixels(read_image(photo)) for photo in chosen]
    batches = torch.from_numpy(np.stack(pixels)).split(RANGE_BATCH)
    write_ranges(folder, measure_ranges(model.image_tower, trunk, batches))
