"""The image tower of an open_clip model, which is trained, and its text vectors, which are
fixed."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from catalog.visual.open_clip_model import ImageTower, OpenClipModel, load_open_clip
from indexing.training.pairs import Item

TEXTS_PER_BATCH = 64
IMAGES_PER_BATCH = 32  # fits the CPU caches, three times as fast as 128
FROZEN_LAYERS = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2")
"""The first layers of an EfficientNet. They take half of a training step, and the edges and
textures that they detect are the same in every catalogue."""


class TrainedTower(nn.Module):
    """Encodes pixels, uint8 (n, size, size, 3), as float32 (n, d), not normalised. `frozen`:
    prefixes of the trunk's layers that are not trained. Batch statistics stay as they are too,
    because a batch has few categories."""

    def __init__(self, tower: ImageTower, frozen: Sequence[str] = FROZEN_LAYERS) -> None:
        super().__init__()
        self.tower = tower.requires_grad_(True).eval()
        self.tower.model.requires_grad_(False)
        self.tower.model.visual.requires_grad_(True).to(memory_format=torch.channels_last)
        trunk = getattr(tower.model.visual, "trunk", tower.model.visual)
        for name, parameter in trunk.named_parameters():
            if any(name == prefix or name.startswith(f"{prefix}.") for prefix in frozen):
                parameter.requires_grad_(False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._encode(part) for part in pixels.split(IMAGES_PER_BATCH)])

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        inputs = self.tower.inputs(pixels).contiguous(memory_format=torch.channels_last)
        vectors: torch.Tensor = self.tower.model.encode_image(inputs).float()
        return vectors

    def parameter_groups(self, rate: float, head_factor: float) -> list[dict]:
        """Returns parameter groups for an optimizer. The learning rate of the head is
        `head_factor` times that of the trunk. Biases and scales have no weight decay."""
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self.tower.model.visual.named_parameters():
            if parameter.requires_grad:
                of_head = name.startswith(("head.", "proj", "ln_post"))
                groups.setdefault((of_head, parameter.ndim > 1), []).append(parameter)
        return [
            {
                "params": members,
                "lr": rate * (head_factor if of_head else 1),
                "weight_decay": 0.02 if is_matrix else 0.0,
            }
            for (of_head, is_matrix), members in groups.items()
        ]


class Texts:
    """The mean text vectors of each product and each named picture, by the text tower of `model`.

    `vectors`: unit (m, informed), one for each different group of texts. `informed`: the length of
    the part of a text vector that is used. All numbers after it are zeros."""

    def __init__(
        self, model: OpenClipModel, items: Sequence[Item], pictures: Sequence[Sequence[str]]
    ) -> None:
        # Titles count twice, because keywords often name only the kind of the thing.
        named = [[*[item.title, item.title_ru] * 2, *item.keywords[:3]] for item in items]
        groups = [tuple(filter(None, names)) or ("",) for names in [*named, *pictures]]
        texts = sorted({text for group in groups for text in group})
        encoded = dict(zip(texts, _encode_texts(model, texts), strict=True))
        meanings = sorted(set(groups))
        vectors = torch.stack([torch.stack([encoded[t] for t in m]).mean(0) for m in meanings])
        numbers = {meaning: number for number, meaning in enumerate(meanings)}
        self.informed = int((vectors.abs().sum(0) > 0).nonzero().max()) + 1
        self.vectors = F.normalize(vectors[:, : self.informed], dim=1)
        self._meaning = torch.tensor([numbers[group] for group in groups])
        self._products = len(items)

    def select(self, products: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """Returns the index in `vectors` of each product and picture, int64 (products +
        pictures,)."""
        return self._meaning[torch.cat([products, pictures + self._products])]


@torch.inference_mode()
def _encode_texts(model: OpenClipModel, texts: list[str]) -> torch.Tensor:
    parts = [
        model.text_tower(model.tokenizer(texts[start : start + TEXTS_PER_BATCH]))
        for start in range(0, len(texts), TEXTS_PER_BATCH)
    ]
    return torch.cat(parts).clone()


def load_model(folder: Path) -> OpenClipModel:
    return load_open_clip(f"local-dir:{folder}")
