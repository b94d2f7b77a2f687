"""Features of image files by the backbone of the start model."""

from pathlib import Path

import torch
from timm.models import EfficientNet
from tqdm import tqdm

from catalog.visual.plain_features import BATCH_SIZE, PREPROCESSING, pool_features
from indexing.training.pictures.cutouts import read_image


@torch.inference_mode()
def compute_features(backbone: EfficientNet, files: list[Path]) -> torch.Tensor:
    """Returns the pooled features of image files before the classifier, float32 (n, 1280)."""
    batches = []
    for start in tqdm(range(0, len(files), BATCH_SIZE), desc="Image features"):
        images = [read_image(file) for file in files[start : start + BATCH_SIZE]]
        pixels = torch.from_numpy(PREPROCESSING.batch(images))
        batches.append(pool_features(backbone, pixels))
    return torch.cat(batches)
