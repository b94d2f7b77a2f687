"""Teaching an object head to tell photos of one object from photos of several."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from catalog.detection.object_head import ObjectHead
from catalog.visual.networks.open_clip_model import load_open_clip
from indexing.training.objects import single_training
from indexing.training.objects.single_training import (
    SingleOrSeveral,
    fit_single,
    train_single,
)
from indexing.training.pairs import read_items
from indexing.training.pictures.shopper_photos import ShopperPhotos
from tests.catalog.detection.object_model import CHANNELS, efficientnet_model


def probabilities(head: ObjectHead, features: torch.Tensor) -> list[float]:
    assert head.single is not None
    with torch.no_grad():
        return head.single(features).sigmoid().squeeze(1).tolist()


def test_the_fit_separates_photos_of_one_object_from_photos_of_several() -> None:
    # Given features of which the first has another mean for each label.
    numbers = np.random.default_rng(0)
    labels = torch.arange(200) % 2
    features = torch.from_numpy(numbers.normal(5, 2, (200, 6))).float()
    features[:, 0] += 12 * labels
    head = ObjectHead(2, 3)

    fit_single(head, features, labels, torch.zeros(200, dtype=torch.int64))

    found = torch.tensor(probabilities(head, features))
    assert ((found > 0.5) == (labels == 1)).all()
    assert probabilities(head, features.mean(0)[None])[0] == pytest.approx(0.5, abs=0.1)


def test_both_labels_weigh_the_same() -> None:
    # Given 90 photos of one object and 10 of several, with the same features.
    labels = (torch.arange(100) >= 10).long()
    head = ObjectHead(2, 3)

    fit_single(head, torch.zeros(100, 6), labels, torch.zeros(100, dtype=torch.int64))

    assert probabilities(head, torch.zeros(1, 6))[0] == pytest.approx(0.5, abs=0.01)


def test_photos_of_one_label_teach_nothing() -> None:
    head = ObjectHead(2, 3)
    assert head.single is not None
    before = head.single.weight.clone()

    fit_single(head, torch.rand(10, 6), torch.ones(10).long(), torch.zeros(10).long())

    assert torch.equal(head.single.weight, before)


def test_a_head_is_taught_by_all_sources(
    toy_catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_training, "MAX_PHOTOS", 4)
    # Without a process that prepares the batches: a fork of a test process has ended it.
    load_here = partial(DataLoader, num_workers=0, prefetch_factor=None)
    monkeypatch.setattr(single_training, "DataLoader", lambda *given, **_: load_here(*given))
    rows = []
    for number, scene in enumerate((True, False, None, True)):
        Image.new("RGB", (40, 30), "red").save(tmp_path / f"{number}.png")
        rows.append({"file": f"{number}.png", **({} if scene is None else {"scene": scene})})
    (tmp_path / "photos.jsonl").write_text("\n".join(map(json.dumps, rows)))
    items = read_items(toy_catalog)
    model = load_open_clip(efficientnet_model(tmp_path / "model"))
    studio = ShopperPhotos.from_items(items, [])

    photos = SingleOrSeveral(studio, items, [tmp_path / "photos.jsonl"], model.preprocessing, 0)

    labels: dict[int, list[int]] = {}
    for number in range(len(photos)):
        pixels, label, source = photos[number]
        assert (pixels.shape, pixels.dtype) == ((64, 64, 3), torch.uint8)
        labels.setdefault(source, []).append(label)
    assert len(labels[0]) == 4  # composed; -1 where no object is visible
    assert labels[1] == [1] * 4  # catalogue images
    assert labels[2] == [0] * 4  # interiors
    assert sorted(labels[3]) == [0, 0, 1]
    head = ObjectHead(*CHANNELS).eval()
    assert head.single is not None
    before = head.single.weight.clone()
    train_single(model, head, photos)
    assert not torch.equal(head.single.weight, before)
