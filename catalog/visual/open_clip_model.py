"""An open_clip model in torch, as two towers that take bytes and token ids and give unit vectors.

Importing this module imports torch: only `encoder_cache` and the CUDA encoder do, and late."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from catalog.visual.errors import EncoderError
from catalog.visual.model_source import folder_checksum, local_folder, model_name
from catalog.visual.preprocessing import Preprocessing
from catalog.visual.torchvision_ops import declare_missing_ops


class ImageTower(nn.Module):
    """uint8 (n, height, width, 3) → float32 (n, dimensions), unit length."""

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1))
        self.register_buffer("shift", (mean / std).view(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        inputs = pixels.permute(0, 3, 1, 2).float() * self.scale - self.shift
        return functional.normalize(self.model.encode_image(inputs), dim=-1)


class TextTower(nn.Module):
    """int64 token ids (n, context) → float32 (n, dimensions), unit length."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.model.encode_text(tokens), dim=-1)


@dataclass
class OpenClipModel:
    """A loaded model; `checksum` is the same wherever the same weights are loaded."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    image_tower: ImageTower
    text_tower: TextTower
    tokenizer: Any


def load_open_clip(name: str) -> OpenClipModel:
    """Loads the model an encoder name means. Raises EncoderError with the reason when it is not to
    be had: unknown name, no internet, files missing or damaged."""
    declare_missing_ops()
    import open_clip

    model_id, pretrained = model_name(name)
    folder = local_folder(name)
    try:
        model, _, _ = open_clip.create_model_and_transforms(
            model_id, pretrained=pretrained, precision="fp32", require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(model_id)
    except Exception as error:  # open_clip and its hubs raise anything
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise EncoderError(f"The encoder {name!r} cannot be loaded: {reason}") from error
    model.eval().requires_grad_(False)
    preprocessing = Preprocessing.from_config(model.visual.preprocess_cfg)
    image_tower = ImageTower(model, preprocessing).eval()
    blank = torch.zeros(1, preprocessing.height, preprocessing.width, 3, dtype=torch.uint8)
    with torch.inference_mode():
        dimensions = image_tower(blank).shape[1]
    checksum = folder_checksum(folder) if folder else _state_checksum(model)
    return OpenClipModel(
        name, checksum, dimensions, preprocessing, image_tower, TextTower(model).eval(), tokenizer
    )


def _state_checksum(model: nn.Module) -> str:
    """SHA-256 over preprocessing and every weight, for models that have no folder of their own."""
    digest = hashlib.sha256(json.dumps(model.visual.preprocess_cfg, default=str).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(value.float().numpy()).tobytes())
    return digest.hexdigest()
