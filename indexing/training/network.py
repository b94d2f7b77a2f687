"""The part of an open_clip model that is trained: its image tower."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from catalog.visual.open_clip_model import ImageTower, OpenClipModel, load_open_clip
from indexing.training.pairs import Item

TEXTS_AT_ONCE = 64
IMAGES_AT_ONCE = 32  # what a cache holds: three times as fast as 128 at once
FROZEN = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2")
"""The first layers of an EfficientNet: half of the work of a training step, and what they see
(edges, textures) is the same in every catalogue."""


class TrainedTower(nn.Module):
    """uint8 (n, size, size, 3) → float32 (n, d), not normalised. `frozen`: prefixes of the trunk's
    layers that stay as they are. Batch statistics stay as they are, too: a batch of one category
    would spoil them."""

    def __init__(self, tower: ImageTower, frozen: Sequence[str] = FROZEN) -> None:
        super().__init__()
        self.tower = tower.requires_grad_(True).eval()
        self.tower.model.requires_grad_(False)
        self.tower.model.visual.requires_grad_(True).to(memory_format=torch.channels_last)
        trunk = getattr(tower.model.visual, "trunk", tower.model.visual)
        for name, parameter in trunk.named_parameters():
            if any(name == prefix or name.startswith(f"{prefix}.") for prefix in frozen):
                parameter.requires_grad_(False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._encode(part) for part in pixels.split(IMAGES_AT_ONCE)])

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        inputs = self.tower.inputs(pixels).contiguous(memory_format=torch.channels_last)
        vectors: torch.Tensor = self.tower.model.encode_image(inputs).float()
        return vectors

    def groups(self, rate: float, head_factor: float) -> list[dict]:
        """Parameters for an optimizer: the head learns `head_factor` times as fast as the trunk;
        biases and scales do not decay."""
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
    """What the texts of each product and each named picture mean, as `model` reads them.

    `vectors`: unit (m, informed), each meaning once; `informed`: how many of an image's numbers a
    text says anything about, all but the zeros at its end."""

    def __init__(
        self, model: OpenClipModel, items: Sequence[Item], pictures: Sequence[Sequence[str]]
    ) -> None:
        # Titles twice: they name the thing, keywords often its kind.
        named = [[*[item.title, item.title_ru] * 2, *item.keywords[:3]] for item in items]
        groups = [tuple(filter(None, names)) or ("",) for names in [*named, *pictures]]
        texts = sorted({text for group in groups for text in group})
        encoded = dict(zip(texts, _encoded(model, texts), strict=True))
        meanings = sorted(set(groups))
        vectors = torch.stack([torch.stack([encoded[t] for t in m]).mean(0) for m in meanings])
        numbers = {meaning: number for number, meaning in enumerate(meanings)}
        self.informed = int((vectors.abs().sum(0) > 0).nonzero().max()) + 1
        self.vectors = F.normalize(vectors[:, : self.informed], dim=1)
        self._meaning = torch.tensor([numbers[group] for group in groups])
        self._products = len(items)

    def meaning(self, products: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """int64 (products + pictures,): which of `vectors` is right for each."""
        return self._meaning[torch.cat([products, pictures + self._products])]


@torch.inference_mode()
def _encoded(model: OpenClipModel, texts: list[str]) -> torch.Tensor:
    parts = [
        model.text_tower(model.tokenizer(texts[start : start + TEXTS_AT_ONCE]))
        for start in range(0, len(texts), TEXTS_AT_ONCE)
    ]
    return torch.cat(parts).clone()


def loaded(folder: Path) -> OpenClipModel:
    return load_open_clip(f"local-dir:{folder}")
