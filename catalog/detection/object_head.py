"""The network that detects objects: a small head on the feature maps of the image tower. It also
tells photos of one object from photos of several.

It knows one class, "object", and uses no anchors. Each cell of the finer map outputs a score that
an object's centre lies in it, and the distances of the object's four sides from the cell's centre,
as in FCOS (Tian, Shen, Chen, He, 2019) and CenterNet (Zhou, Wang, Krähenbühl, 2019). Importing this
module imports torch."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.nn import functional

from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.errors import EncoderError

VERSION = 2  # increase it when the layers or the meaning of their outputs change
VERSION_WITHOUT_SINGLE = 1  # its heads do not tell whether a photo is of one object
WEIGHTS, DESCRIPTION = "object_head.safetensors", "object_head.json"

WIDTH = 96
DISTANCE_UNIT = 0.25  # of l, t, r and b, as a share of the input's side
PRIOR_SCORE = 0.01  # of an untrained cell (Lin et al., RetinaNet, 2017)


class ObjectHead(nn.Module):
    """The head, with about 63,000 parameters on maps of 112 and 320 channels. Batch norm follows
    each convolution but the last; compilation folds it into the convolution. A head without
    `tells_single` does not tell whether a photo is of one object."""

    def __init__(
        self, channels16: int, channels32: int, width: int = WIDTH, tells_single: bool = True
    ) -> None:
        super().__init__()
        self.fine = _convolution(channels16, width)
        self.coarse = _convolution(channels32, width)
        self.mix = nn.Sequential(*(_separable(width) for _ in range(2)))
        self.out = nn.Conv2d(width, 5, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.bias[0] = -math.log((1 - PRIOR_SCORE) / PRIOR_SCORE)
        self.single = nn.Linear(2 * channels32, 1) if tells_single else None

    def forward(self, stride16: torch.Tensor, stride32: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps feature maps (n, channels16, g, g) and (n, channels32, about g/2, g/2) → cells and
        `single`, or cells alone from a head that does not tell.

        Cells: float32 (n, g*g, 5), row by row: a score (0 to 1), and x1, y1, x2, y2 as fractions of
        the network's input. Sides may be outside the input (below 0, above 1). `single`: float32
        (n,), the probability that the photo is of one object."""
        logits, boxes = self.predict(stride16, stride32)
        cells = torch.cat([logits.sigmoid().unsqueeze(-1), boxes], dim=-1)
        if self.single is None:
            return (cells,)
        return cells, self.single(pool(stride32)).sigmoid().squeeze(-1)

    def predict(
        self, stride16: torch.Tensor, stride32: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Does the same as `forward` without the sigmoid, for losses. Returns logits (n, g*g) and
        boxes (n, g*g, 4). l, t, r and b are softplus(output) / 4 of the input's side, never
        negative."""
        coarse = functional.interpolate(
            self.coarse(stride32), size=stride16.shape[-2:], mode="nearest"
        )
        cells = self.out(self.mix(functional.relu(self.fine(stride16) + coarse)))
        cells = cells.flatten(2).transpose(1, 2)
        distances = DISTANCE_UNIT * functional.softplus(cells[..., 1:])
        centres = cell_centres(stride16.shape[-2], stride16.shape[-1]).to(distances)
        boxes = torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1)
        return cells[..., 0], boxes


def pool(stride32: torch.Tensor) -> torch.Tensor:
    """Returns the mean and the maximum of each channel of a feature map, (n, 2 * channels)."""
    return torch.cat([stride32.mean((2, 3)), stride32.amax((2, 3))], dim=1)


def cell_centres(rows: int, columns: int) -> torch.Tensor:
    """Returns x and y of each cell's centre as fractions of the input, float32 (rows*columns, 2),
    in the order of the head's cells."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([(x + 0.5) / columns, (y + 0.5) / rows], dim=-1).reshape(-1, 2)


def save_object_head(head: ObjectHead, settings: ObjectHeadSettings, folder: Path) -> None:
    """Writes a trained head to the folder of its model: weights in half precision, and settings."""
    weights = {
        name: value.detach().cpu().half().contiguous()
        for name, value in head.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    # Not by `save_file` of safetensors, whose files only their owner may read.
    (folder / WEIGHTS).write_bytes(save(weights))
    version = VERSION_WITHOUT_SINGLE if head.single is None else VERSION
    described = {"object_head": {"version": version, **asdict(settings)}}
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n")


def load_object_head(folder: Path) -> tuple[ObjectHead, ObjectHeadSettings] | None:
    """Returns the head of the model in `folder`, in float32 and ready to run, and its settings, or
    None if there is no head. Raises EncoderError if its files cannot be read."""
    weights, description = folder / WEIGHTS, folder / DESCRIPTION
    if not weights.exists() and not description.exists():
        return None
    try:
        described = json.loads(description.read_text())["object_head"]
        version = described.pop("version")
        if version not in (VERSION_WITHOUT_SINGLE, VERSION):
            raise ValueError(f"version {version} is not {VERSION}")
        settings = ObjectHeadSettings(**described)
        state = load_file(weights)
        channels16, channels32 = (state[f"{name}.0.weight"].shape[1] for name in ("fine", "coarse"))
        head = ObjectHead(channels16, channels32, tells_single=version == VERSION)
        missing, unknown = head.load_state_dict(state, strict=False)
        wrong = [*(m for m in missing if not m.endswith("num_batches_tracked")), *unknown]
        if wrong:
            raise ValueError(f"weights do not fit: {wrong[0]}")
    except Exception as error:  # damaged files raise any exception
        raise EncoderError(f"The object head in {folder} cannot be read: {error}") from error
    return head.eval().requires_grad_(False), settings


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
