"""The starter encoder, loaded by open_clip itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog.detection.torchvision_ops import declare_missing_ops

ROOT = Path(__file__).resolve().parents[3]
STARTER = ROOT / "catalog/encoders/starter"
DEMO = ROOT / "catalog/demo"
WORD_NUMBERS = 128

Vectors = NDArray[np.float32]


class Starter:
    """Encodes images and texts with the shipped model, as unit vectors (n, 512)."""

    def __init__(self) -> None:
        declare_missing_ops()
        import open_clip

        name = f"local-dir:{STARTER}"
        self.model, _, self._preprocess = open_clip.create_model_and_transforms(name)
        self.model.eval()
        self._tokenizer = open_clip.get_tokenizer(name)

    def images(self, pictures: list[Image.Image]) -> Vectors:
        import torch

        with torch.inference_mode():
            batch = torch.stack([self._preprocess(picture) for picture in pictures])
            vectors: Vectors = self.model.encode_image(batch, normalize=True).numpy()
        return vectors

    def texts(self, texts: list[str]) -> Vectors:
        import torch

        with torch.inference_mode():
            vectors: Vectors = self.model.encode_text(
                self._tokenizer(texts), normalize=True
            ).numpy()
        return vectors


@pytest.fixture(scope="module")
def starter() -> Starter:
    return Starter()


@pytest.fixture(scope="module")
def demo_images() -> Callable[[str], list[Image.Image]]:
    lines = (DEMO / "catalog.jsonl").read_text("utf-8").splitlines()
    products: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def first_images(title: str) -> list[Image.Image]:
        paths = [DEMO / p["images"][0] for p in products if p["title"] == title]
        return [Image.open(path).convert("RGB") for path in paths[:4]]

    return first_images


def test_the_encoder_is_small_enough_to_ship() -> None:
    size = sum(file.stat().st_size for file in STARTER.iterdir())

    assert size < 26_000_000


def test_images_and_texts_share_one_space_of_512_numbers(starter: Starter) -> None:
    white = Image.new("RGB", (300, 100), "white")

    assert starter.images([white]).shape == (1, 512)
    assert starter.texts(["a chair", "стул"]).shape == (2, 512)


def test_the_numbers_of_looks_are_zero_for_texts(starter: Starter) -> None:
    vectors = starter.texts(["a photo of a chair", "кресло", ""])

    assert not vectors[:, WORD_NUMBERS:].any()
    assert np.isfinite(vectors).all()


def test_the_whole_picture_is_encoded(starter: Starter) -> None:
    # Given an object at the edge of a wide picture, which a centre crop would lose.
    wide = Image.new("RGB", (600, 200), "white")
    wide.paste("black", (0, 0, 150, 200))

    empty, with_object = starter.images([Image.new("RGB", (600, 200), "white"), wide])

    assert empty @ with_object < 0.95


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("a photo of a chair", "Chair", "Bicycle"),
        ("a photo of a bicycle", "Bicycle", "Chair"),
        ("lamp", "Lamp", "Armchair"),
        ("armchair on a white background", "Armchair", "Lamp"),
        ("велосипед", "Bicycle", "Lamp"),
    ],
)
def test_a_text_is_nearest_to_photos_of_the_named_thing(
    starter: Starter,
    demo_images: Callable[[str], list[Image.Image]],
    text: str,
    right: str,
    wrong: str,
) -> None:
    query = starter.texts([text])[0]

    named = starter.images(demo_images(right)) @ query
    other = starter.images(demo_images(wrong)) @ query

    assert named.min() > other.max()


def test_two_views_of_a_product_are_nearer_than_two_products(starter: Starter) -> None:
    views = starter.images(
        [
            Image.open(DEMO / "images" / sku / f"{view}.webp").convert("RGB")
            for sku in ("blends-armchair", "blends-bike", "blends-bed1")
            for view in (1, 2)
        ]
    )
    cosines = views @ views.T
    np.fill_diagonal(cosines, -1)

    assert cosines.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]


def test_the_packed_head_returns_words_and_looks_unchanged() -> None:
    declare_missing_ops()
    import torch

    from catalog.visual.plain_features import FEATURES
    from indexing.training.starter.image_head import (
        LOOK_WEIGHT,
        Looks,
        WordHead,
        pack_head,
    )

    # Given words and looks of random features.
    torch.manual_seed(0)
    features = 5 * torch.randn(600, FEATURES)
    looks = Looks.fit(features)
    words = WordHead(torch.randn(600, 1000), torch.randn(1000, WORD_NUMBERS), features)

    # When they are packed into the two-layer head of a timm model.
    from timm.layers.mlp import Mlp

    head = Mlp(FEATURES, 1024, 512)
    head.load_state_dict(pack_head(words, looks))
    out = head(features)

    # Then the head gives both unchanged.
    expected = LOOK_WEIGHT * (features - looks.centre) @ looks.directions.T
    torch.testing.assert_close(out[:, :WORD_NUMBERS], words(features), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out[:, WORD_NUMBERS:], expected, atol=1e-4, rtol=1e-4)
    assert expected.norm(dim=1).mean().item() == pytest.approx(LOOK_WEIGHT, rel=1e-4)


def test_looks_need_more_images_than_numbers() -> None:
    declare_missing_ops()
    import torch

    from indexing.training.starter.image_head import Looks

    with pytest.raises(ValueError, match="384 images"):
        Looks.fit(torch.randn(384, 1280))


def test_equal_titles_share_the_loss() -> None:
    declare_missing_ops()
    import torch

    from indexing.training.starter.image_head import contrastive_loss

    # Given three images that equal their titles, two of which are the same.
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    loss = contrastive_loss(targets.clone(), targets)

    # Then the equal ones have a loss of ln 2 each, and the third nearly none.
    assert loss.item() == pytest.approx(2 * np.log(2) / 3, abs=1e-4)


def test_the_converted_backbone_classifies_photos() -> None:
    declare_missing_ops()
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    from catalog.visual.plain_features import PREPROCESS, load_backbone
    from indexing.training.starter.learnt_texts import read_imagenet_labels

    # Given the converted weights, and photos of four things with an ImageNet class.
    names = {
        "blends-foldingchair": "folding chair",
        "blends-electricguitar": "electric guitar",
        "blends-ballonfoot": "soccer ball",
        "scopia-tricycle": "tricycle",
    }
    preprocess = image_transform_v2(PreprocessCfg(**PREPROCESS), is_train=False)
    photos = [Image.open(DEMO / f"images/{sku}/1.webp").convert("RGB") for sku in names]

    # When the classifier sees them.
    with torch.inference_mode():
        logits = load_backbone()(torch.stack([preprocess(photo) for photo in photos]))

    # Then it names each.
    labels = read_imagenet_labels()
    assert [labels[index][0] for index in logits.argmax(1).tolist()] == list(names.values())
