"""The last stage of the starter encoder, on features."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual.model_source import STARTER
from indexing.training.network import load_model
from indexing.training.pairs import read_items, read_pairs
from indexing.training.pictures.shopper_photos import ShopperPhotos
from indexing.training.starter.finish import (
    finish_starter,
    nca_loss,
    train_head,
    tune_words,
)
from indexing.training.starter.lessons import (
    NO_COPY,
    Lesson,
    make_kind_lesson,
    make_product_lesson,
)


class MeanColours:
    """Stands for a trunk: a picture's features are its mean colour and its size."""

    def pool_images(self, images: Any) -> np.ndarray:
        rows = [[*np.asarray(image).mean((0, 1)), *image.size] for image in images]
        return np.array(rows, np.float32)


def test_one_near_image_of_the_right_ones_is_enough() -> None:
    photo = torch.tensor([[1.0, 0.0]])
    gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    none = torch.tensor([NO_COPY])

    def loss(shown: list[int], copies: torch.Tensor = none) -> float:
        return nca_loss(photo, torch.tensor([5]), gallery, torch.tensor(shown), copies).item()

    assert loss([5, 5, 6]) == pytest.approx(0, abs=1e-6)
    assert loss([6, 5, 5]) == pytest.approx(20 - np.log(2), abs=1e-3)  # cosines 0, at 1 / 0.05
    # The image that the photo was made from does not count.
    assert loss([5, 5, 6], torch.tensor([0])) == pytest.approx(np.log(2), abs=1e-3)


def test_lessons_say_what_photos_show_and_what_they_were_made_from(toy_catalog: Path) -> None:
    items = read_items(toy_catalog)
    pairs = read_pairs([toy_catalog.with_name("labelled.jsonl")], items)
    studio = ShopperPhotos.from_items(items, [])

    lesson = make_product_lesson(MeanColours(), items, pairs, Random(0), studio)  # type: ignore[arg-type]

    products, views = len(items), 2 * len(items)
    assert lesson.photos.shape == (len(pairs) + views, 5)
    assert lesson.gallery.shape == (views, 5)
    assert lesson.shown.tolist() == [view // 2 for view in range(views)]
    assert lesson.labels.tolist() == [*range(products), *(view // 2 for view in range(views))]
    assert lesson.copies.tolist() == [*[NO_COPY] * len(pairs), *range(views)]


def test_photos_of_kinds_are_found_by_others_of_the_kind(tmp_path: Path) -> None:
    for number, colour in enumerate(("red", "blue", "red")):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{number}.png")
    lines = [f'{{"file": "{n}.png", "kind": "{kind}"}}' for n, kind in enumerate("aba")]
    (tmp_path / "photos.jsonl").write_text("\n".join(lines))

    lesson = make_kind_lesson(MeanColours(), tmp_path / "photos.jsonl", Random(0))  # type: ignore[arg-type]

    assert lesson.shown.tolist() == lesson.labels.tolist() == [0, 1, 0]
    assert lesson.copies.tolist() == [0, 1, 2]


def test_a_trained_head_finds_what_the_photos_show_and_keeps_lengths() -> None:
    # Given photos that share the second half of their features with the image of their product,
    # and the first half with those of others.
    numbers = torch.Generator().manual_seed(0)
    signal, noise = torch.randn(40, 8, generator=numbers), 3 * torch.randn(80, 8, generator=numbers)
    gallery, photos = (torch.cat([part, signal], 1) for part in noise.split(40))
    labels = torch.arange(40)
    lesson = Lesson(photos, labels, gallery, labels, torch.full((40,), NO_COPY))
    words = torch.nn.functional.normalize(torch.randn(40, 4, generator=numbers), dim=1)
    named: Any = SimpleNamespace(
        features=gallery, labels=labels, texts=SimpleNamespace(informed=4, vectors=words)
    )
    torch.manual_seed(1)
    head = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.GELU(), torch.nn.Linear(32, 12))

    def loss() -> float:
        unit = [torch.nn.functional.normalize(head(each), dim=1) for each in (photos, gallery)]
        return nca_loss(unit[0], labels, unit[1], labels, lesson.copies).item()

    before = loss()
    train_head(head, [lesson], named, seed=0)

    assert loss() < 0.8 * before
    looks = head(gallery)[:, 4:].norm(dim=1)
    assert looks.mean().item() == pytest.approx(2.5, rel=0.3)
    assert not any(parameter.requires_grad for parameter in head.parameters())


def test_tuned_words_leave_looks_as_they_are() -> None:
    declare_missing_ops()
    from timm.layers import Mlp

    numbers = torch.Generator().manual_seed(0)
    features = torch.randn(60, 16, generator=numbers)
    words = torch.nn.functional.normalize(torch.randn(60, 4, generator=numbers), dim=1)
    named: Any = SimpleNamespace(
        features=features,
        labels=torch.arange(60),
        texts=SimpleNamespace(informed=4, vectors=words),
    )
    torch.manual_seed(1)
    head = torch.nn.Sequential()
    head.add_module("power", torch.nn.Identity())
    head.add_module("mlp", Mlp(16, 64, 12))
    before = head(features).detach()

    tune_words(head, named)

    after = head(features).detach()
    assert torch.equal(after[:, 4:], before[:, 4:])
    near = [(each[:, :4] * words).sum(1).mean() for each in (before, after)]
    assert near[1] > near[0] + 0.1


@pytest.mark.long  # features of two thousand photographs
def test_the_last_stage_changes_the_head_and_mixes_the_trunk(toy_catalog: Path) -> None:
    model = load_model(STARTER)
    visual = model.image_tower.model.visual
    first = {name: value.clone() for name, value in visual.state_dict().items()}
    trained = {name: value + 0.001 * value.abs() for name, value in first.items()}

    pairs = [toy_catalog.with_name("labelled.jsonl")]
    added = finish_starter(model, trained, toy_catalog, pairs, seed=0)

    last = visual.state_dict()
    stem = "trunk.conv_stem.weight"
    torch.testing.assert_close(last[stem], first[stem].lerp(trained[stem], 0.4))
    assert not torch.equal(last["head.mlp.fc1.weight"], first["head.mlp.fc1.weight"])
    assert added == {"part_lengths": [[128, 1.0], [384, 4.0]]}
