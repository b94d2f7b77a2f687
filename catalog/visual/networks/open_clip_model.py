"""open_clip models in torch, as towers from pixels and token ids to unit vectors.

Importing this module imports torch. `encoder_cache` and the CUDA encoder import it inside
functions, and training imports it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from catalog.detection.object_head import ObjectHead, load_object_head
from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import folder_checksum, local_folder, model_name
from catalog.visual.networks.head_layers import add_head_layers
from catalog.visual.networks.quantisation import FILE as QUANTISATION
from catalog.visual.networks.quantisation import quantise_trunk, read_ranges
from catalog.visual.preprocessing import Preprocessing


class ImageTower(nn.Module):
    """Encodes uint8 (n, height, width, 3) → float32 (n, dimensions), unit length."""

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1))
        self.register_buffer("shift", (mean / std).view(1, 3, 1, 1))

    def inputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """Returns the input of the model: float32 (n, 3, height, width), normalised."""
        return pixels.permute(0, 3, 1, 2).float() * self.scale - self.shift

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.model.encode_image(self.inputs(pixels)), dim=-1)


class ObjectTower(nn.Module):
    """uint8 (n, height, width, 3) → the output of `image_tower`, and the outputs of the object
    head, from one pass through the trunk. For image towers that are a timm EfficientNet, as
    open_clip's `TimmModel` runs it."""

    STRIDE_16 = 4  # of trunk.blocks; the last one has stride 32

    def __init__(self, image_tower: ImageTower, head: ObjectHead) -> None:
        super().__init__()
        self.image_tower, self.head = image_tower, head

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        visual = self.image_tower.model.visual
        stride16, stride32 = self.feature_maps(self.image_tower.inputs(pixels))
        last = visual.trunk.bn2(visual.trunk.conv_head(stride32))
        vectors = visual.head(visual.trunk.forward_head(last))
        return functional.normalize(vectors, dim=-1), *self.head(stride16, stride32)

    @staticmethod
    def count_channels(image_tower: ImageTower) -> tuple[int, int]:
        """Returns the numbers of channels of the feature maps of stride 16 and 32."""
        stages = image_tower.model.visual.trunk.feature_info
        channels = {stage["reduction"]: stage["num_chs"] for stage in stages}
        return channels[16], channels[32]

    def feature_maps(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the feature maps for the head, given normalised float32 (n, 3, height, width)."""
        trunk = self.image_tower.model.visual.trunk
        maps = [trunk.bn1(trunk.conv_stem(inputs))]
        for block in trunk.blocks:
            maps.append(block(maps[-1]))
        return maps[1 + self.STRIDE_16], maps[-1]


class TextTower(nn.Module):
    """Encodes int64 token ids (n, context) → float32 (n, dimensions), unit length."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.model.encode_text(tokens), dim=-1)


@dataclass
class OpenClipModel:
    """A loaded model. `checksum` is the same on every machine for the same weights. `object_tower`
    and `object_head` are None for a model without an object head."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    image_tower: ImageTower
    text_tower: TextTower
    tokenizer: Any
    object_tower: ObjectTower | None = None
    object_head: ObjectHeadSettings | None = None


def load_open_clip(name: str, exact: bool = False) -> OpenClipModel:
    """Loads the model of an encoder name. `exact`: without the rounding to 8 bits, to train it.
    Raises EncoderError with the reason: unknown name, no internet, missing or damaged files."""
    declare_missing_ops()
    import open_clip

    model_id, pretrained = model_name(name)
    folder = local_folder(name)
    try:
        model, _, _ = open_clip.create_model_and_transforms(
            model_id, pretrained=pretrained, precision="fp32", require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(model_id)
    except Exception as error:  # open_clip and its hubs raise any exception
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise EncoderError(f"The encoder {name!r} cannot be loaded: {reason}") from error
    model.eval().requires_grad_(False)
    if folder:
        add_head_layers(model, folder)
    if folder and not exact:
        _quantise(model, folder, name)
    preprocessing = Preprocessing.from_config(model.visual.preprocess_cfg)
    image_tower = ImageTower(model, preprocessing).eval()
    blank = torch.zeros(1, preprocessing.height, preprocessing.width, 3, dtype=torch.uint8)
    with torch.inference_mode():
        dimensions = image_tower(blank).shape[1]
    checksum = folder_checksum(folder) if folder else _state_checksum(model)
    loaded = OpenClipModel(
        name, checksum, dimensions, preprocessing, image_tower, TextTower(model).eval(), tokenizer
    )
    if folder and (kept := load_object_head(folder)):
        head, loaded.object_head = kept
        loaded.object_tower = ObjectTower(image_tower, head).eval()
        _check_head_fits(loaded.object_tower, blank, name)
    return loaded


def _quantise(model: nn.Module, folder: Path, name: str) -> None:
    """Rounds the image tower to 8 bits, if its folder says so."""
    ranges = read_ranges(folder)
    if ranges is None:
        return
    try:
        quantise_trunk(model.visual.trunk, ranges)
    except (AttributeError, TypeError) as error:
        raise EncoderError(
            f"The {QUANTISATION} of {name!r} does not fit its model: {error}"
        ) from error


def _check_head_fits(tower: ObjectTower, blank: torch.Tensor, name: str) -> None:
    """Raises EncoderError if an object head does not fit its model."""
    try:
        with torch.inference_mode():
            tower(blank)
    except (AttributeError, RuntimeError, UnboundLocalError) as error:
        raise EncoderError(
            f"The object head of {name!r} does not fit its model: {error}"
        ) from error


def _state_checksum(model: nn.Module) -> str:
    """Returns the SHA-256 of the preprocessing and all weights, for models without a folder."""
    digest = hashlib.sha256(json.dumps(model.visual.preprocess_cfg, default=str).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(value.float().numpy()).tobytes())
    return digest.hexdigest()
