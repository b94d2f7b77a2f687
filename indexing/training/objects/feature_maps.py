"""What an object head sees: the feature maps of a finished image tower."""

import torch
from torch import nn

from catalog.visual.networks.open_clip_model import ObjectTower
from catalog.visual.plain_features import compile_module
from catalog.visual.preprocessing import Preprocessing


class FeatureMaps:
    """The feature maps of stride 16 and 32 of an image tower that does not change, computed by
    OpenVINO."""

    def __init__(self, tower: ObjectTower, preprocessing: Preprocessing) -> None:
        shape = (preprocessing.height, preprocessing.width, 3)
        self._compute = compile_module(_Maps(tower), shape)

    def __call__(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns float32 (n, c, h, w) of uint8 pixels (n, height, width, 3)."""
        stride16, stride32 = map(torch.from_numpy, self._compute(pixels.numpy()))
        return stride16.clone(), stride32.clone()


class _Maps(nn.Module):
    def __init__(self, tower: ObjectTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.tower.feature_maps(self.tower.image_tower.inputs(pixels))
