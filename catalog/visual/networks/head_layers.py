"""Layers around the head of an image tower that open_clip does not have. Their settings stand
beside open_clip's own in the configuration of a model folder. Importing this module imports torch.

`feature_power`: the pooled features are raised to a power before the head. Without it, the few
channels with the greatest values decide how alike two photos are. A power below 1 lets the others
count (Perronnin et al. 2010, https://doi.org/10.1007/978-3-642-15561-1_11).

`part_lengths`: [[numbers, length], …], the parts of a vector in their order. Each part gets its
length. Without it, photos whose words are long come first for every text."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from catalog.visual.errors import EncoderError

POWER, LENGTHS = "feature_power", "part_lengths"
_SMALLEST = 1e-3  # features; at 0 the slope is infinite


class Power(nn.Module):
    """Raises features, which are not negative, to a power."""

    def __init__(self, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.clamp(min=_SMALLEST) ** self.exponent


class PartLengths(nn.Module):
    """Gives each part of the vectors (n, d) its length."""

    def __init__(self, parts: list[tuple[int, float]]) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        split = vectors.split([numbers for numbers, _ in self.parts], dim=1)
        return torch.cat(
            [
                length * functional.normalize(part, dim=1)
                for part, (_, length) in zip(split, self.parts, strict=True)
            ],
            dim=1,
        )


def add_head_layers(model: nn.Module, folder: Path) -> None:
    """Adds the layers that the configuration in `folder` names to the image tower of a model, an
    open_clip `TimmModel`, in place. The names of the weights stay the same. Raises EncoderError if
    the settings are no such numbers, or do not fit the model."""
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text("utf-8"))
    power, lengths = config.get(POWER), config.get(LENGTHS)
    if power is None and lengths is None:
        return
    if power is not None and not (_is_number(power) and 0 < power <= 1):
        raise EncoderError(f"{POWER} in {path} must be above 0 and at most 1, not {power!r}.")
    if lengths is not None and not _are_lengths(lengths, config["model_cfg"]["embed_dim"]):
        raise EncoderError(
            f"{LENGTHS} in {path} must be pairs of a count and a length above 0, with counts that"
            f" add up to embed_dim, not {lengths!r}."
        )
    if not hasattr(model.visual, "trunk"):
        raise EncoderError(f"{POWER} and {LENGTHS} in {path} fit image towers of timm only.")
    layers = OrderedDict(model.visual.head.named_children())
    if power is not None:
        layers = OrderedDict([("power", Power(power)), *layers.items()])
    if lengths is not None:
        layers["lengths"] = PartLengths([(numbers, length) for numbers, length in lengths])
    model.visual.head = nn.Sequential(layers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_lengths(parts: Any, numbers: int) -> bool:
    """Whether `parts` are pairs of a count and a length, with counts that add up to `numbers`."""
    return (
        isinstance(parts, list)
        and all(isinstance(part, list) and len(part) == 2 for part in parts)
        and all(type(count) is int and count > 0 for count, _ in parts)
        and all(_is_number(length) and length > 0 for _, length in parts)
        and sum(count for count, _ in parts) == numbers
    )
