"""The starter encoder, compiled, and photos of the demo."""

import pytest
from PIL import Image

from catalog.demo.load import FOLDER
from catalog.imaging.image_decoding import decode_image
from catalog.index.live_index import encoder_named
from catalog.visual.encoder import Encoder

TEXTS = [
    "armchair",
    "a photo of a chair",
    "кресло-качалка",
    "Women’s “chair”",
    "лампа 🪔, 5 шт.",
    "",
    "x" * 400,
]


@pytest.fixture(scope="session")
def starter() -> Encoder:
    return encoder_named("starter")


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    paths = sorted((FOLDER / "photos").iterdir())[::5]
    return [decode_image(path.read_bytes()) for path in paths]
