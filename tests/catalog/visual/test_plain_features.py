"""Plain features: what the ImageNet weights see in a whole photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.visual.plain_features import (
    FEATURES,
    PREPROCESSING,
    PlainFeatures,
    load_backbone,
    pool_features,
)

IMAGES = Path(__file__).resolve().parents[3] / "catalog" / "demo" / "images"


@pytest.fixture(scope="module")
def features() -> PlainFeatures:
    return PlainFeatures()


def demo_image(sku: str, view: int = 1) -> Image.Image:
    return Image.open(IMAGES / sku / f"{view}.webp").convert("RGB")


def test_the_compiled_features_are_those_of_the_network(features: PlainFeatures) -> None:
    import torch

    images = [demo_image("blends-foldingchair"), demo_image("scopia-tricycle")]
    with torch.inference_mode():
        pixels = torch.from_numpy(PREPROCESSING.batch(images))
        expected = torch.nn.functional.normalize(pool_features(load_backbone(), pixels), dim=1)

    assert features.encode_images(images) == pytest.approx(expected.numpy(), abs=1e-4)


def test_a_photo_is_fitted_on_white(features: PlainFeatures) -> None:
    # Given half of a photo, and the same half on a white square.
    half = demo_image("scopia-tricycle").resize((288, 288)).crop((0, 72, 288, 216))
    on_white = Image.new("RGB", (288, 288), "white")
    on_white.paste(half, (0, 72))

    first, second = features.encode_images([half, on_white])

    assert first @ second == pytest.approx(1, abs=1e-4)


def test_many_photos_have_one_vector_of_unit_length_each(features: PlainFeatures) -> None:
    views = [
        demo_image(sku, view)
        for sku in ("blends-foldingchair", "scopia-tricycle", "blends-electricguitar")
        for view in (1, 2)
    ]

    vectors = features.encode_images(views * 4)

    assert vectors.shape == (24, FEATURES)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    # Two views of a product are nearer than two products.
    cosines = vectors[:6] @ vectors[:6].T
    np.fill_diagonal(cosines, -1)
    assert cosines.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]
    assert features.encode_images([]).shape == (0, FEATURES)
