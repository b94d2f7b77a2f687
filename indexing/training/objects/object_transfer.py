"""Gives the object head of an encoder to one that was trained from it.

The feature maps have changed with training, so the head learns to say on the new ones what it said
on the old ones. Nobody has to label boxes."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from catalog.detection.object_head import save_object_head
from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.networks.open_clip_model import ObjectTower, OpenClipModel
from catalog.visual.preprocessing import Preprocessing
from indexing.training.network import load_model
from indexing.training.pairs import Item, read_items
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds
from indexing.training.shop.lesson_folder import CATALOG, write_progress

BATCH = 12
LEARNING_RATE = 1e-3
SCENE_SHARE = 0.6  # of the photos; the others are photos of the catalogue
BOX_WEIGHT = 5.0


def transfer_object_head(
    source: OpenClipModel, trained: Path, folder: Path, steps_before: int, steps: int
) -> None:
    """Writes an object head to the folder `trained` of an encoder that was trained from `source`.
    `folder`: with the catalogue, and for the progress, which counts on from `steps_before`."""
    old = source.object_tower
    assert old is not None
    torch.manual_seed(0)
    model = load_model(trained)
    head = deepcopy(old.head).requires_grad_(True).train()
    new = ObjectTower(model.image_tower, head)
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    batches = _make_batches(read_items(folder / CATALOG), model.preprocessing)
    for step in range(steps):
        pixels = next(batches)
        with torch.no_grad():
            wanted = old(pixels)[1:]
        loss = imitation_loss(new(pixels)[1:], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        write_progress(folder, steps_before + step + 1)
    save_object_head(head.eval(), source.object_head or ObjectHeadSettings(), trained)


def imitation_loss(outputs: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]) -> torch.Tensor:
    """Returns how far the outputs of a head are from those `wanted`: cells (n, cells, 5), and the
    probability of one object (n,) if the head tells it. Boxes count by their wanted score."""
    cells, right = outputs[0], wanted[0][..., 0]
    weights = right + 1 / right.shape[1]  # most cells are background
    scores = _cross_entropy(cells[..., 0], right) * weights
    boxes = F.smooth_l1_loss(cells[..., 1:], wanted[0][..., 1:], reduction="none", beta=0.05)
    total = (scores.sum() + BOX_WEIGHT * (boxes.mean(-1) * right).sum()) / weights.sum()
    for single, wanted_single in zip(outputs[1:], wanted[1:], strict=True):
        total = total + _cross_entropy(single, wanted_single).mean()
    return total


def _cross_entropy(chances: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy(chances.clamp(1e-6, 1 - 1e-6), wanted, reduction="none")


def _make_batches(items: list[Item], preprocessing: Preprocessing) -> Iterator[torch.Tensor]:
    """Yields inputs of the encoder, uint8 (BATCH, height, width, 3): composed scenes, and photos of
    the catalogue."""
    rng = Random("objects")
    studio = ShopperPhotos.from_items(items, read_backgrounds())
    size = max(preprocessing.height, preprocessing.width)
    while True:
        photos: list[Image.Image] = [
            studio.make_scene(size, rng)[0]
            if rng.random() < SCENE_SHARE
            else read_image(rng.choice(rng.choice(items).images))
            for _ in range(BATCH)
        ]
        yield torch.from_numpy(np.stack([np.array(preprocessing.pixels(p)) for p in photos]))
