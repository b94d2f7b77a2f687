"""What an encoder returns: unit vectors of one space, whichever program runs it."""

import json

import numpy as np
import pytest
from PIL import Image

from catalog.demo.load import FOLDER
from catalog.imaging.image_decoding import decode_image
from catalog.visual.encoder import Encoder
from catalog.visual.model_source import STARTER, folder_checksum
from catalog.visual.preprocessing import Preprocessing
from catalog.visual.torch_encoder import TorchEncoder
from tests.catalog.visual.conftest import TEXTS


def assert_unit_rows(vectors: np.ndarray, count: int, dimensions: int) -> None:
    assert vectors.shape == (count, dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_images_and_texts_become_unit_vectors_of_one_space(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    assert_unit_rows(starter.encode_images(pictures), len(pictures), starter.dimensions)
    assert_unit_rows(starter.encode_texts(TEXTS), len(TEXTS), starter.dimensions)


def test_empty_input_gives_empty_output(starter: Encoder) -> None:
    assert starter.encode_images([]).shape == (0, starter.dimensions)
    assert starter.encode_texts([]).shape == (0, starter.dimensions)
    assert starter.encode_texts([]).dtype == np.float32


def test_a_batch_keeps_its_order_and_changes_nothing(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    images = np.concatenate([starter.encode_images([picture]) for picture in pictures])
    texts = np.concatenate([starter.encode_texts([text]) for text in TEXTS])

    assert starter.encode_images(pictures) == pytest.approx(images, abs=1e-5)
    assert starter.encode_texts(TEXTS) == pytest.approx(texts, abs=1e-5)
    assert starter.encode_images(pictures[::-1]) == pytest.approx(images[::-1], abs=1e-5)


def test_the_next_result_does_not_overwrite_the_last(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    first = starter.encode_images(pictures[:1])
    kept = first.copy()

    starter.encode_images(pictures[1:2])

    assert (first == kept).all()


def test_the_compiled_encoder_agrees_with_torch(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    uncompiled = TorchEncoder("starter", "cpu")

    images = (starter.encode_images(pictures) * uncompiled.encode_images(pictures)).sum(axis=1)
    texts = (starter.encode_texts(TEXTS) * uncompiled.encode_texts(TEXTS)).sum(axis=1)

    assert images.min() >= 0.998  # processors compute in 8 bits differently
    assert texts.min() >= 0.999
    assert starter.checksum == uncompiled.checksum == folder_checksum(STARTER)
    assert starter.preprocessing == uncompiled.preprocessing
    assert starter.dimensions == uncompiled.dimensions
    assert_unit_rows(uncompiled.encode_images(pictures[:2]), 2, starter.dimensions)
    assert uncompiled.encode_texts([]).shape == (0, starter.dimensions)


def test_a_photo_decoded_small_is_nearly_the_photo_decoded_whole(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    paths = sorted((FOLDER / "photos").iterdir())[::5]
    side = starter.preprocessing.width
    small = [decode_image(path.read_bytes(), at_least=side) for path in paths]

    cosines = (starter.encode_images(small) * starter.encode_images(pictures)).sum(axis=1)
    assert cosines.min() >= 0.99


def test_preprocessing_comes_from_the_models_own_configuration(starter: Encoder) -> None:
    config = json.loads((STARTER / "open_clip_config.json").read_text())["preprocess_cfg"]

    assert starter.preprocessing == Preprocessing.from_config(config)
