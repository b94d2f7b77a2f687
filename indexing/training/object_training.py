"""Trains the object head on top of a finished image tower: where in a photo the things are."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from catalog.detection.object_head import ObjectHead, cell_centres
from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.open_clip_model import ObjectTower, OpenClipModel
from catalog.visual.preprocessing import Preprocessing
from indexing.training.pictures.augment import chance, photographed, recoloured
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import Corners, ShopperPhotos

BATCH = 24
RATE = 2e-3
REAL_SCENES = 0.35  # share of the photos that are not composed
MIDDLE = 0.5  # the part of a box, about its middle, whose cells answer for it
MOST_BOXES = 8
BOX_WEIGHT = 2.0


class Scenes(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Photos with the boxes of all their things: composed ones, and labelled ones from `lists`
    (JSON Lines with `file`, `box` and `others`). Gives uint8 (h, w, 3) as the encoder takes it, and
    float32 (MOST_BOXES, 4) x1, y1, x2, y2 as fractions of that input, empty ones all zeros."""

    def __init__(
        self, studio: ShopperPhotos, lists: Sequence[Path], preprocessing: Preprocessing, seed: int
    ) -> None:
        self._studio, self._preprocessing, self._seed = studio, preprocessing, seed
        self._labelled = [row for path in lists for row in _labelled_boxes(path)]

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = Random(f"objects {self._seed} {number}")
        photo, boxes = self._photo(rng)
        places = np.zeros((MOST_BOXES, 4), np.float32)
        if boxes:
            inside = self._preprocessing.to_input(np.array(boxes[:MOST_BOXES]), photo.size)
            places[: len(inside)] = np.clip(inside, 0, 1)
        pixels = np.array(self._preprocessing.pixels(photo))
        return torch.from_numpy(pixels), torch.from_numpy(places)

    def _photo(self, rng: Random) -> tuple[Image.Image, list[Corners]]:
        if not self._labelled or not chance(rng, REAL_SCENES):
            size = max(self._preprocessing.height, self._preprocessing.width)
            return self._studio.scene(size, rng)
        path, boxes = rng.choice(self._labelled)
        return photographed(recoloured(read_image(path), rng, 0.8), rng), boxes


def train_object_head(model: OpenClipModel, scenes: Scenes, steps: int) -> ObjectHead:
    """A head for `model`, whose tower stays as it is; 500 steps take five minutes on two cores."""
    torch.manual_seed(0)
    head = ObjectHead().train()
    tower = ObjectTower(model.image_tower, head)
    optimizer = torch.optim.AdamW(head.parameters(), RATE, weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    batches: Iterator = iter(
        DataLoader(scenes, BATCH, sampler=range(steps * BATCH), num_workers=1, prefetch_factor=4)
    )
    for pixels, boxes in (bar := tqdm(batches, "Objects", total=steps)):
        with torch.no_grad():
            inputs = tower.image_tower.inputs(pixels).contiguous(memory_format=torch.channels_last)
            maps = tower.feature_maps(inputs)
        logits, predicted = head.predict(*maps)
        loss = object_loss(logits, predicted, boxes, maps[0].shape[-2:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return head.eval()


def object_loss(
    logits: torch.Tensor, boxes: torch.Tensor, truth: torch.Tensor, grid: Sequence[int]
) -> torch.Tensor:
    """`logits` (n, cells) and `boxes` (n, cells, 4) of the head against `truth` (n, m, 4), zeros
    where there is none. Cells in the middle of a thing, of the smallest one where several overlap,
    learn its box (GIoU, Rezatofighi 2019) and to be as sure as their box is right (quality focal
    loss, Li 2020); all others learn to be unsure."""
    declare_missing_ops()
    from torchvision.ops import generalized_box_iou_loss

    owner = _owners(truth, cell_centres(grid[0], grid[1]).to(truth))
    ours = owner >= 0
    wanted = truth.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 4))
    off = generalized_box_iou_loss(boxes[ours], wanted[ours], reduction="none")
    quality = torch.zeros_like(logits)
    quality[ours] = (1 - off.detach()).clamp(0, 1)
    focus = (quality - logits.sigmoid().detach()).abs() ** 2
    sure = F.binary_cross_entropy_with_logits(logits, quality, reduction="none") * focus
    count = max(1, int(ours.sum()))
    return sure.sum() / count + BOX_WEIGHT * off.sum() / count


def _owners(truth: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """int64 (n, cells): which box each cell answers for, -1 for none. A box too small to hold a
    cell's centre in its middle gets the cell that is nearest."""
    size = truth[..., 2:] - truth[..., :2]
    middle = (truth[..., 2:] + truth[..., :2]) / 2
    away = (centres[None, :, None] - middle[:, None]).abs()  # n, cells, m, 2
    inside = (away <= MIDDLE / 2 * size[:, None]).all(-1)
    nearest = F.one_hot(away.sum(-1).argmin(1), len(centres)).bool().transpose(1, 2)
    exists = size.prod(-1) > 0
    area = torch.where(exists, size.prod(-1), torch.inf)[:, None].expand_as(inside)
    area = torch.where((inside | nearest) & exists[:, None], area, torch.inf)
    smallest, owner = area.min(-1)
    return torch.where(smallest.isinf(), -1, owner)


def _labelled_boxes(path: Path) -> list[tuple[Path, list[Corners]]]:
    labelled = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        boxes = [row["box"], *(other["box"] for other in row.get("others", []))]
        corners = [(x, y, min(1.0, x + w), min(1.0, y + h)) for x, y, w, h in boxes]
        labelled.append((path.parent / row["file"], corners))
    return labelled
