"""Teaches an object head to tell photos of one object from photos of several."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from catalog.detection.object_head import ObjectHead, pool
from catalog.visual.networks.open_clip_model import ObjectTower, OpenClipModel
from catalog.visual.preprocessing import Preprocessing
from indexing.training.objects.feature_maps import FeatureMaps
from indexing.training.pairs import Item
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.shopper_photos import ShopperPhotos, list_backgrounds

BATCH = 24
MAX_PHOTOS = 800  # of each source
INTERIORS = ("apartment", "hall", "lab", "lobby", "warehouse", "workshop")  # of many objects
DECAY = 3e-3  # of the squared weights, on features of unit variance
FIT_STEPS = 100


class SingleOrSeveral(Dataset[tuple[torch.Tensor, int, int]]):
    """Photos that are known to be of one object or of several: composed photos, catalogue images,
    interiors, and the photos of `lists` that say it (JSON Lines with `file` and `scene`).

    An item is the input of the encoder, uint8 (h, w, 3), the label (1 for one object, 0 for
    several, -1 for none) and the number of the source."""

    def __init__(
        self,
        studio: ShopperPhotos,
        items: Sequence[Item],
        lists: Sequence[Path],
        preprocessing: Preprocessing,
        seed: int,
    ) -> None:
        self._studio, self._preprocessing, self._seed = studio, preprocessing, seed
        interiors = [
            (path, 0)
            for path in list_backgrounds()
            if any(part in INTERIORS for part in path.stem.split("-"))
        ]
        sources = [
            [(image, 1) for item in items for image in item.images],
            interiors,
            *map(_read_labels, lists),
        ]
        rng = Random(f"single {seed}")
        self._photos = [
            (path, label, number)
            for number, source in enumerate(sources, 1)
            for path, label in rng.sample(source, min(MAX_PHOTOS, len(source)))
        ]

    def __len__(self) -> int:
        return MAX_PHOTOS + len(self._photos)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int, int]:
        if number < MAX_PHOTOS:
            size = max(self._preprocessing.height, self._preprocessing.width)
            rng = Random(f"single {self._seed} {number}")
            photo, boxes = self._studio.make_scene(size, rng)
            label, source = {0: -1, 1: 1}.get(len(boxes), 0), 0
        else:
            path, label, source = self._photos[number - MAX_PHOTOS]
            photo = read_image(path)
        pixels = np.array(self._preprocessing.pixels(photo))
        return torch.from_numpy(pixels), label, source


def train_single(model: OpenClipModel, head: ObjectHead, photos: SingleOrSeveral) -> None:
    """Fits the output `single` of a trained head. Encodes each photo once."""
    compute_maps = FeatureMaps(ObjectTower(model.image_tower, head), model.preprocessing)
    loader = DataLoader(photos, BATCH, num_workers=1, prefetch_factor=4)
    features, labels, sources = [], [], []
    for pixels, label, source in tqdm(loader, "One or several"):
        features.append(pool(compute_maps(pixels)[1]))
        labels.append(label)
        sources.append(source)
    known = torch.cat(labels) >= 0
    fit_single(head, *(torch.cat(part)[known] for part in (features, labels, sources)))


def fit_single(
    head: ObjectHead, features: torch.Tensor, labels: torch.Tensor, sources: torch.Tensor
) -> None:
    """Sets the weights of `head.single` by logistic regression. `features`: float32 (n, f), of
    `pool`; `labels`: int64 (n,), 1 or 0; `sources`: int64 (n,). Both labels weigh the same in
    total, and a photo weighs less in a large source. Does nothing unless both labels occur."""
    assert head.single is not None
    if not 0 < labels.sum() < len(labels):
        return
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    standard = (features - mean) / deviation
    importance = sources.bincount()[sources].float() ** -0.5
    for label in (0, 1):
        importance[labels == label] /= importance[labels == label].sum()
    weight = torch.zeros(features.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=FIT_STEPS, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        logits = standard @ weight + bias
        loss = F.binary_cross_entropy_with_logits(
            logits, labels.float(), importance, reduction="sum"
        )
        loss = loss / 2 + DECAY * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(step)
    with torch.no_grad():
        head.single.weight.copy_((weight / deviation)[None])
        head.single.bias.copy_(bias - (weight * mean / deviation).sum())


def _read_labels(path: Path) -> list[tuple[Path, int]]:
    """Returns the photos of a list that say whether they show several objects, with their
    labels."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [(path.parent / row["file"], int(not row["scene"])) for row in rows if "scene" in row]
