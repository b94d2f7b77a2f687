"""What the starter encoder learns from a catalogue: its photos and its words."""

import json
from dataclasses import dataclass
from pathlib import Path

import timm.data
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from timm.models import EfficientNet
from tqdm import tqdm

PREPROCESS = {
    "size": [224, 224],
    "mode": "RGB",
    "mean": list(timm.data.IMAGENET_INCEPTION_MEAN),
    "std": list(timm.data.IMAGENET_INCEPTION_STD),
    "interpolation": "bilinear",
    "resize_mode": "longest",
    "fill_color": 255,
}


@dataclass(frozen=True)
class Item:
    title: str
    title_ru: str
    category: str
    category_ru: str
    keywords: tuple[str, ...]
    images: tuple[Path, ...]


def read_items(catalog: Path) -> list[Item]:
    """Products of a JSON Lines catalogue; image paths are relative to its folder.

    Raises ValueError where the catalogue has no product with an image.
    """
    rows = [json.loads(line) for line in catalog.read_text("utf-8").splitlines() if line.strip()]
    items = [
        Item(
            title=row["title"],
            title_ru=row.get("title_ru", ""),
            category=row.get("category", ""),
            category_ru=row.get("category_ru", ""),
            keywords=tuple(row.get("keywords", ())),
            images=tuple(catalog.parent / image for image in row["images"]),
        )
        for row in rows
        if row.get("images")
    ]
    if not items:
        raise ValueError(f"{catalog} has no product with an image.")
    return items


def read_tags(vocabulary: Path) -> list[tuple[str, str]]:
    """(English, Russian) names of a JSON Lines vocabulary; none where there is no such file."""
    if not vocabulary.exists():
        return []
    rows = [json.loads(line) for line in vocabulary.read_text("utf-8").splitlines() if line.strip()]
    return [(row["name"], row.get("name_ru", "")) for row in rows]


@torch.inference_mode()
def image_features(backbone: EfficientNet, files: list[Path], batch_size: int = 32) -> torch.Tensor:
    """Pooled features of image files before the classifier: (n, 1280) float32."""
    preprocess = image_transform_v2(PreprocessCfg(**PREPROCESS), is_train=False)
    batches = []
    for start in tqdm(range(0, len(files), batch_size), desc="Images seen"):
        images = [preprocess(_on_white(file)) for file in files[start : start + batch_size]]
        maps = backbone.forward_features(torch.stack(images))
        batches.append(backbone.forward_head(maps, pre_logits=True))
    return torch.cat(batches)


def _on_white(file: Path) -> Image.Image:
    with Image.open(file) as image:
        if not image.has_transparency_data:
            return image.convert("RGB")
        layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
