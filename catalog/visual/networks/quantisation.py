"""Image towers in 8 bits: the weights and the inputs of their convolutions are rounded to 256
steps.

A model folder with `quantisation.json` holds such a tower. torch keeps the rounded numbers as
floats. OpenVINO turns the same graph into arithmetic on 8-bit integers (Jacob et al. 2018,
https://arxiv.org/abs/1712.05877), which is faster. Importing this module imports torch."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.hooks import RemovableHandle

from catalog.visual.errors import EncoderError

FILE = "quantisation.json"

Ranges = dict[str, tuple[float, float]]
"""The lowest and the highest input of each convolution that is rounded, by the layer's name."""

_MAX_WEIGHT = 127
# Half of what 8 bits hold: without VNNI, processors add two products of a convolution over channels
# in 16 bits, which would overflow.
_MAX_CHANNEL_WEIGHT = 63
# Pixels lose most by rounding, and the first layer is a small part of the work.
_KEPT = ("conv_stem",)


class QuantisedConv(nn.Module):
    """A convolution of rounded inputs and weights. Inputs outside `low` to `high` are clipped."""

    def __init__(self, conv: nn.Conv2d, low: float, high: float) -> None:
        from timm.layers import Conv2dSame

        super().__init__()
        self.conv, self._pads = conv, isinstance(conv, Conv2dSame)
        self._steps = (-128, 127) if low < 0 else (0, 255)
        self._scale = max(high, -low, 1e-6) / self._steps[1]
        steps = _MAX_WEIGHT if conv.groups > 1 else _MAX_CHANNEL_WEIGHT
        largest = conv.weight.detach().abs().amax((1, 2, 3)).clamp(min=1e-6)
        self.register_buffer("weight_scales", largest / steps)
        self.register_buffer("weight_zeros", torch.zeros_like(largest, dtype=torch.int32))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        conv = self.conv
        inputs = torch.fake_quantize_per_tensor_affine(inputs, self._scale, 0, *self._steps)
        weight = torch.fake_quantize_per_channel_affine(
            conv.weight, self.weight_scales, self.weight_zeros, 0, -_MAX_WEIGHT, _MAX_WEIGHT
        )
        if self._pads:
            from timm.layers.padding import pad_same

            inputs = pad_same(inputs, conv.kernel_size, conv.stride, conv.dilation)
        return functional.conv2d(
            inputs, weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
        )


def quantise_trunk(trunk: nn.Module, ranges: Ranges) -> None:
    """Folds the batch norms of a timm EfficientNet in eval mode into its convolutions, in place,
    and rounds the convolutions in `ranges`."""
    fold_batch_norms(trunk)
    for name, (low, high) in ranges.items():
        parent, _, layer = name.rpartition(".")
        conv = trunk.get_submodule(name)
        setattr(trunk.get_submodule(parent), layer, QuantisedConv(conv, low, high))


def fold_batch_norms(trunk: nn.Module) -> None:
    """Puts each batch norm into the convolution before it, and leaves its activation."""
    for parent in list(trunk.modules()):
        before = ""
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d) and before:
                setattr(parent, before, fuse_conv_bn_eval(getattr(parent, before), layer))
                setattr(parent, name, getattr(layer, "act", nn.Identity()))
            before = name if isinstance(layer, nn.Conv2d) else ""


@torch.no_grad()
def measure_ranges(tower: nn.Module, trunk: nn.Module, batches: Iterable[torch.Tensor]) -> Ranges:
    """Returns the ranges of the inputs of the convolutions of `trunk`, over batches of inputs of
    `tower`, of which it is a part. The highest and lowest input of a batch count by their mean over
    the batches, since single extremes would make the steps coarse."""
    seen: dict[str, list[tuple[float, float]]] = {}

    def watch(name: str, layer: nn.Conv2d) -> RemovableHandle:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            low, high = inputs[0].aminmax()
            seen.setdefault(name, []).append((low.item(), high.item()))

        return layer.register_forward_pre_hook(hook)

    convolutions = [
        (name, layer)
        for name, layer in trunk.named_modules()
        if isinstance(layer, nn.Conv2d) and name not in _KEPT
    ]
    handles = [watch(name, layer) for name, layer in convolutions]
    try:
        for batch in batches:
            tower(batch)
    finally:
        for handle in handles:
            handle.remove()
    return {
        name: (sum(low for low, _ in pairs) / len(pairs), sum(h for _, h in pairs) / len(pairs))
        for name, pairs in seen.items()
    }


def write_ranges(folder: Path, ranges: Ranges) -> None:
    rounded = {name: [round(side, 4) for side in pair] for name, pair in ranges.items()}
    (folder / FILE).write_text(json.dumps(rounded, indent=1) + "\n")


def read_ranges(folder: Path) -> Ranges | None:
    """Returns the ranges of the model in `folder`, or None if it is not rounded. Raises
    EncoderError if they cannot be read."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return {
            name: (float(low), float(high))
            for name, (low, high) in json.loads(path.read_text()).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise EncoderError(f"{path} cannot be read: {error}") from error
