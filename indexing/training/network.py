"""The image tower of an open_clip model, which is trained, and its text vectors, which are
fixed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from catalog.visual.networks.open_clip_model import ImageTower, OpenClipModel, load_open_clip
from catalog.visual.plain_features import compile_module
from indexing.training.losses import NO_TEXT
from indexing.training.pairs import Item

TEXTS_PER_BATCH = 64
IMAGES_PER_BATCH = 32  # fits the CPU caches, three times as fast as 128
FROZEN_LAYERS = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2")
"""The first layers of an EfficientNet. In torch they would take half of a training step, and the
edges and textures that they detect are the same in every catalogue."""


class TrainedTower(nn.Module):
    """Encodes pixels, uint8 (n, size, size, 3), as float32 (n, d), not normalised. `frozen`:
    prefixes of the trunk's layers that are not trained. Batch statistics stay as they are too,
    because a batch has few categories, and so do depthwise convolutions: their gradients take
    longer than all others together on CPU, and they are one weight in fifty."""

    def __init__(self, tower: ImageTower, frozen: Sequence[str] = FROZEN_LAYERS) -> None:
        super().__init__()
        self.tower = tower.requires_grad_(True).eval()
        self.tower.model.requires_grad_(False)
        self.tower.model.visual.requires_grad_(True).to(memory_format=torch.channels_last)
        trunk = getattr(tower.model.visual, "trunk", tower.model.visual)
        for name, parameter in trunk.named_parameters():
            if any(name == prefix or name.startswith(f"{prefix}.") for prefix in frozen):
                parameter.requires_grad_(False)
        self._frozen_layers = FrozenLayers.find(tower, frozen)
        for convolution, norm in find_normalised_convolutions(trunk):
            if is_depthwise(convolution):
                convolution.requires_grad_(False)
                norm.requires_grad_(False)
            fuse(convolution, norm)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._encode(part) for part in pixels.split(IMAGES_PER_BATCH)])

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._frozen_layers and pixels.device.type == "cpu":
            return self._frozen_layers.encode(pixels)
        inputs = self.tower.inputs(pixels).contiguous(memory_format=torch.channels_last)
        vectors: torch.Tensor = self.tower.model.encode_image(inputs).float()
        return vectors

    def parameter_groups(self, rate: float, head_factor: float) -> list[dict]:
        """Returns parameter groups for an optimizer. The learning rate of the head is
        `head_factor` times that of the trunk. Biases and scales have no weight decay."""
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self.tower.model.visual.named_parameters():
            if parameter.requires_grad:
                of_head = name.startswith(("head.", "proj", "ln_post"))
                groups.setdefault((of_head, parameter.ndim > 1), []).append(parameter)
        return [
            {
                "params": members,
                "lr": rate * (head_factor if of_head else 1),
                "weight_decay": 0.02 if is_matrix else 0.0,
            }
            for (of_head, is_matrix), members in groups.items()
        ]


def half_precision(device: torch.device) -> AbstractContextManager:
    """Returns a context in which a device computes in bfloat16 if it is faster: CUDA, and CPUs with
    AMX, where a step takes half as long."""
    if device.type == "cuda" or _has_fast_bfloat16():
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _has_fast_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def find_normalised_convolutions(trunk: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Returns the convolutions without bias of a trunk, each with the batch normalisation behind
    it."""
    return [
        (layer, following)
        for module in trunk.modules()
        for layer, following in pairwise(module.children())
        if isinstance(layer, nn.Conv2d) and layer.bias is None
        if isinstance(following, nn.BatchNorm2d)
    ]


def is_depthwise(layer: nn.Conv2d) -> bool:
    return layer.groups == layer.in_channels > 1


def fuse(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Makes a convolution and the batch normalisation behind it compute in one operation what they
    compute one after the other with fixed statistics. Their parameters and gradients stay."""
    from timm.layers.conv2d_same import Conv2dSame, conv2d_same

    operation = conv2d_same if isinstance(convolution, Conv2dSame) else F.conv2d
    geometry = convolution.stride, convolution.padding, convolution.dilation, convolution.groups
    # On CPU, the gradient of a depthwise convolution with strides is slow in bfloat16.
    exact = is_depthwise(convolution) and convolution.stride != (1, 1)

    def convolve(inputs: torch.Tensor) -> torch.Tensor:
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = convolution.weight * scale[:, None, None, None]
        bias = norm.bias - norm.running_mean * scale
        with torch.autocast(inputs.device.type, enabled=False) if exact else nullcontext():
            return operation(inputs.float() if exact else inputs, weight, bias, *geometry)

    convolution.forward = convolve  # type: ignore[method-assign]
    norm.forward = nn.Sequential(*norm.children()).forward  # type: ignore[method-assign]


class FrozenLayers:
    """The frozen layers of a timm EfficientNet, as open_clip's `TimmModel` runs it, and the layers
    behind them. On CPU, OpenVINO computes the frozen ones in a fifth of the time."""

    def __init__(self, tower: ImageTower, blocks: int) -> None:
        self._tower, self._blocks = tower, blocks
        self._compiled: dict[int, Callable[[np.ndarray], tuple[np.ndarray, ...]]] = {}

    @classmethod
    def find(cls, tower: ImageTower, frozen: Sequence[str]) -> "FrozenLayers | None":
        """Returns the frozen layers, or None if the tower does not begin with such layers.
        `frozen`: their prefixes."""
        trunk = getattr(tower.model.visual, "trunk", None)
        names = [f"blocks.{number}" for number in range(len(getattr(trunk, "blocks", ())))]
        blocks = next((n for n, name in enumerate(names) if name not in frozen), len(names))
        if blocks and {"conv_stem", "bn1"} <= {*frozen} and hasattr(trunk, "conv_head"):
            return cls(tower, blocks)
        return None

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encodes pixels on CPU, uint8 (n, size, size, 3), as the tower does → float32 (n, d), not
        normalised."""
        visual = self._tower.model.visual
        trunk, size = visual.trunk, pixels.shape[1]
        if size not in self._compiled:
            first = _FirstLayers(self._tower, self._blocks)
            precision = "bf16" if _has_fast_bfloat16() else "f32"
            with torch.autocast("cpu", enabled=False):
                self._compiled[size] = compile_module(first, (size, size, 3), precision)
        [output] = self._compiled[size](pixels.numpy())
        maps = torch.from_numpy(output).clone(memory_format=torch.channels_last)
        last = trunk.bn2(trunk.conv_head(trunk.blocks[self._blocks :](maps)))
        vectors: torch.Tensor = visual.head(trunk.forward_head(last))
        return vectors


class _FirstLayers(nn.Module):
    def __init__(self, tower: ImageTower, blocks: int) -> None:
        super().__init__()
        trunk = tower.model.visual.trunk
        self.inputs = tower.inputs
        self.layers = nn.Sequential(trunk.conv_stem, trunk.bn1, *trunk.blocks[:blocks])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers(self.inputs(pixels))


class Texts:
    """The mean text vectors of each product and each named picture, by the text tower of `model`.

    `vectors`: unit (m, informed), one for each different group of texts. `informed`: the length of
    the part of a text vector that is used. All numbers after it are zeros. Those without any text
    have NO_TEXT in place of an index."""

    def __init__(
        self, model: OpenClipModel, items: Sequence[Item], pictures: Sequence[Sequence[str]]
    ) -> None:
        # Titles count twice, because keywords often name only the kind of the thing.
        named = [[*[item.title, item.title_ru] * 2, *item.keywords[:3]] for item in items]
        groups = [tuple(filter(None, names)) for names in [*named, *pictures]]
        texts = sorted({text for group in groups for text in group})
        encoded = dict(zip(texts, _encode_texts(model, texts), strict=True))
        meanings = sorted({group for group in groups if group})
        vectors = torch.stack([torch.stack([encoded[t] for t in m]).mean(0) for m in meanings])
        numbers = {meaning: number for number, meaning in enumerate(meanings)}
        self.informed = int((vectors.abs().sum(0) > 0).nonzero().max()) + 1
        self.vectors = F.normalize(vectors[:, : self.informed], dim=1)
        self._meaning = torch.tensor([numbers.get(group, NO_TEXT) for group in groups])
        self._products = len(items)

    def select(self, products: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """Returns the index in `vectors` of each product and picture, int64 (products +
        pictures,)."""
        return self._meaning[torch.cat([products, pictures + self._products])]


@torch.inference_mode()
def _encode_texts(model: OpenClipModel, texts: list[str]) -> torch.Tensor:
    parts = [
        model.text_tower(model.tokenizer(texts[start : start + TEXTS_PER_BATCH]))
        for start in range(0, len(texts), TEXTS_PER_BATCH)
    ]
    return torch.cat(parts).clone()


def load_model(folder: Path) -> OpenClipModel:
    """Loads a model to train it, without the rounding to 8 bits."""
    return load_open_clip(f"local-dir:{folder}", exact=True)


def mix_weights(first: dict, trained: dict, weight: float) -> dict:
    """Returns the weights (1 - weight) · first + weight · trained. Between the weights before and
    after training lie those that have learnt and have forgotten little (WiSE-FT, Wortsman et al.
    2022, https://arxiv.org/abs/2109.01903)."""
    return {
        name: value.lerp(trained[name], weight) if value.is_floating_point() else trained[name]
        for name, value in first.items()
    }
