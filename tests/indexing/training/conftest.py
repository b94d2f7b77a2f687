"""A toy encoder and a toy catalogue, on which training takes seconds."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from catalog.detection.torchvision_ops import declare_missing_ops

COLOURS = ("red", "green", "blue", "gold", "purple", "cyan")
SHAPES = ("ellipse", "rectangle")


TOY_MODEL = {
    "embed_dim": 24,
    "custom_text": True,
    "vision_cfg": {
        "timm_model_name": "test_efficientnet",
        "timm_model_pretrained": False,
        "timm_pool": "",
        "timm_proj": "linear",
        "image_size": 64,
    },
    "text_cfg": {
        "context_length": 12,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
TOY_PREPROCESSING = {
    "size": [64, 64],
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "interpolation": "bilinear",
    "resize_mode": "longest",
    "fill_color": 255,
}


@pytest.fixture(scope="session")
def toy_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained open_clip folder: timm's smallest EfficientNet and a small text tower. The last
    eight numbers of a text are zeros, as the starter's last 384 are."""
    declare_missing_ops()
    import open_clip
    import torch

    from indexing.training.model_folder import write_model

    torch.manual_seed(0)
    settings = {key: value for key, value in TOY_MODEL.items() if key != "custom_text"}
    model = open_clip.CustomTextCLIP(**settings).eval()
    with torch.no_grad():
        model.text.text_projection[:, 16:] = 0
    folder = tmp_path_factory.mktemp("toy") / "encoder"
    config = {"model_cfg": TOY_MODEL, "preprocess_cfg": TOY_PREPROCESSING}
    write_model(model, config, folder, half=False)
    return folder


@pytest.fixture(scope="session")
def toy_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog.jsonl of twelve products with two views each, and a labelled.jsonl with a photo of
    each beside it."""
    folder = tmp_path_factory.mktemp("shop")
    products, photos = [], []
    for colour in COLOURS:
        for shape in SHAPES:
            sku = f"{colour}-{shape}"
            for view in (1, 2):
                _draw(colour, shape, 10 * view).save(folder / f"{sku}-{view}.png")
            _draw(colour, shape, 15, "grey").save(folder / f"{sku}.jpg")
            products.append(
                {
                    "sku": sku,
                    "title": f"{colour} {shape}",
                    "title_ru": f"{shape} {colour}",
                    "category": shape,
                    "keywords": [shape],
                    "images": [f"{sku}-1.png", f"{sku}-2.png"],
                }
            )
            photos.append({"file": f"{sku}.jpg", "sku": sku, "box": [0.1, 0.1, 0.8, 0.8]})
    for name, rows in (("catalog", products), ("labelled", photos)):
        lines = "\n".join(json.dumps(row) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder / "catalog.jsonl"


def _draw(colour: str, shape: str, inset: int, background: str = "white") -> Image.Image:
    image = Image.new("RGB", (96, 96), background)
    draw = getattr(ImageDraw.Draw(image), shape)
    draw((inset, 14, 95 - inset, 80), fill=colour)
    noise = np.random.default_rng(inset).integers(-3, 4, (96, 96, 1))
    pixels = np.asarray(image).astype(int)
    return Image.fromarray(np.clip(pixels + noise * (pixels < 250), 0, 255).astype(np.uint8))


def add_toy_products(count: int) -> None:
    """Adds products with two photos each, one on white and one on grey, to the catalogue."""
    from tests.indexing.shop import add_product

    for number in range(count):
        colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        photos = [
            _to_png(_draw(colour, shape, 10 + number)),
            _to_png(_draw(colour, shape, 12 + number, "grey")),
        ]
        add_product(f"toy-{number}", *photos, title=f"{colour} {shape} {number}")


def _to_png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
