"""Trains the object head, which finds the objects in a photo, on top of a trained image tower."""

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
from catalog.visual.networks.open_clip_model import ObjectTower, OpenClipModel
from catalog.visual.preprocessing import Preprocessing
from indexing.training.objects.feature_maps import FeatureMaps
from indexing.training.pictures.augment import chance, degrade_photo, recolour_image
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import Corners, ShopperPhotos

BATCH = 24
LEARNING_RATE = 2e-3
REAL_SCENE_SHARE = 0.35  # of the photos; the others are composed
CENTRE_SHARE = 0.5  # of the sides of a box; the cells in this centre learn the box
MAX_BOXES = 8
BOX_WEIGHT = 2.0


class Scenes(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Photos with the boxes of all their objects: composed photos, and labelled photos from `lists`
    (JSON Lines with `file`, `box` and `others`).

    An item is the input of the encoder, uint8 (h, w, 3), and the boxes, float32 (MAX_BOXES, 4): x1,
    y1, x2, y2 as shares of that input, padded with zeros."""

    def __init__(
        self, studio: ShopperPhotos, lists: Sequence[Path], preprocessing: Preprocessing, seed: int
    ) -> None:
        self._studio, self._preprocessing, self._seed = studio, preprocessing, seed
        self._labelled = [row for path in lists for row in _read_labelled_boxes(path)]

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = Random(f"objects {self._seed} {number}")
        photo, boxes = self._make_photo(rng)
        padded = np.zeros((MAX_BOXES, 4), np.float32)
        if boxes:
            inside = self._preprocessing.to_input(np.array(boxes[:MAX_BOXES]), photo.size)
            padded[: len(inside)] = np.clip(inside, 0, 1)
        pixels = np.array(self._preprocessing.pixels(photo))
        return torch.from_numpy(pixels), torch.from_numpy(padded)

    def _make_photo(self, rng: Random) -> tuple[Image.Image, list[Corners]]:
        if not self._labelled or not chance(rng, REAL_SCENE_SHARE):
            size = max(self._preprocessing.height, self._preprocessing.width)
            return self._studio.make_scene(size, rng)
        path, boxes = rng.choice(self._labelled)
        return degrade_photo(recolour_image(read_image(path), rng, 0.8), rng), boxes


def train_object_head(model: OpenClipModel, scenes: Scenes, steps: int) -> ObjectHead:
    """Trains an object head for `model`, whose tower is not changed. 500 steps take five
    minutes on two cores."""
    torch.manual_seed(0)
    head = ObjectHead(*ObjectTower.count_channels(model.image_tower)).train()
    compute_maps = FeatureMaps(ObjectTower(model.image_tower, head), model.preprocessing)
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    batches: Iterator = iter(
        DataLoader(scenes, BATCH, sampler=range(steps * BATCH), num_workers=1, prefetch_factor=4)
    )
    for pixels, boxes in (bar := tqdm(batches, "Objects", total=steps)):
        maps = compute_maps(pixels)
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
    """Returns the loss of the head's `logits` (n, cells) and `boxes` (n, cells, 4) against the
    boxes `truth` (n, m, 4), padded with zeros.

    The cells at the centre of an object learn its box (GIoU, Rezatofighi 2019). Their confidence
    learns the IoU of that box, and the confidence of all other cells learns 0 (quality focal loss,
    Li 2020). Where objects overlap, the smallest counts."""
    declare_missing_ops()
    from torchvision.ops import generalized_box_iou_loss

    owner = assign_cells(truth, cell_centres(grid[0], grid[1]).to(truth))
    assigned = owner >= 0
    targets = truth.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 4))
    box_losses = generalized_box_iou_loss(boxes[assigned], targets[assigned], reduction="none")
    quality = torch.zeros_like(logits)
    quality[assigned] = (1 - box_losses.detach()).clamp(0, 1)
    focus = (quality - logits.sigmoid().detach()).abs() ** 2
    confidence = F.binary_cross_entropy_with_logits(logits, quality, reduction="none") * focus
    count = max(1, int(assigned.sum()))
    return confidence.sum() / count + BOX_WEIGHT * box_losses.sum() / count


def assign_cells(truth: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Returns the index of the box that each cell learns, int64 (n, cells), -1 for none. A box too
    small for a cell at its centre gets the nearest cell."""
    size = truth[..., 2:] - truth[..., :2]
    centre = (truth[..., 2:] + truth[..., :2]) / 2
    away = (centres[None, :, None] - centre[:, None]).abs()  # n, cells, m, 2
    inside = (away <= CENTRE_SHARE / 2 * size[:, None]).all(-1)
    nearest = F.one_hot(away.sum(-1).argmin(1), len(centres)).bool().transpose(1, 2)
    exists = size.prod(-1) > 0
    area = torch.where(exists, size.prod(-1), torch.inf)[:, None].expand_as(inside)
    area = torch.where((inside | nearest) & exists[:, None], area, torch.inf)
    smallest, owner = area.min(-1)
    return torch.where(smallest.isinf(), -1, owner)


def _read_labelled_boxes(path: Path) -> list[tuple[Path, list[Corners]]]:
    labelled = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        if not row.get("box"):
            continue
        boxes = [row["box"], *(other["box"] for other in row.get("others", []))]
        corners = [(x, y, min(1.0, x + w), min(1.0, y + h)) for x, y, w, h in boxes]
        labelled.append((path.parent / row["file"], corners))
    return labelled
