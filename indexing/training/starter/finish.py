"""The last stage of the starter encoder: its trunk goes part of the way back to ImageNet's weights,
and its head learns from the features of the result, also from real photographs.

Training on rendered products makes a trunk better for these and worse for photographs. The weights
in between have learnt most of the former and lost little of the latter (`mix_weights`)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from catalog.quality.labelled_photos import read_photos
from catalog.visual.networks.head_layers import LENGTHS
from catalog.visual.networks.open_clip_model import OpenClipModel
from catalog.visual.plain_features import PlainFeatures
from indexing.training.losses import IMAGE_TEMPERATURE, NO_TEXT, length_loss, text_loss
from indexing.training.network import Texts, mix_weights
from indexing.training.pairs import Item, read_items, read_pairs
from indexing.training.pictures.cutouts import read_image
from indexing.training.pictures.emoji_pairs import read_emoji
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds
from indexing.training.starter.image_head import Looks, replace_looks
from indexing.training.starter.lessons import (
    Lesson,
    compute_features,
    make_detail_lesson,
    make_kind_lesson,
    make_product_lesson,
)

REAL_PHOTOS = Path(__file__).resolve().parents[1] / "real_photos"
GROCERIES, CLOTHES = (REAL_PHOTOS / name / "photos.jsonl" for name in ("groceries", "clothes"))
TRUNK_SHARE = 0.4  # of the trained weights
STEPS, RATE = 80, 5e-4  # more steps know the photos of the lessons better, and others worse
WORD_STEPS, WORD_RATE = 400, 5e-3
BATCH = 192  # photos of each lesson
WEIGHT_DECAY = 0.02
DROPOUT = 0.2  # of the features
LENGTH_WEIGHT = 0.3
LOOKS_LENGTH = 2.5  # while the head learns; of words it is 1
FINAL_LOOKS_LENGTH = 4.0  # words, which are tuned on home goods, are noise in other photos


def nca_loss(
    photos: torch.Tensor,
    labels: torch.Tensor,
    gallery: torch.Tensor,
    shown: torch.Tensor,
    copies: torch.Tensor,
) -> torch.Tensor:
    """Pulls unit vectors of photos (n, d) to those of the gallery (m, d) that show the same, and
    away from the others, as `Lesson` describes them. One near image of the right ones is enough
    (neighbourhood components analysis, Goldberger et al. 2004)."""
    similarity = photos @ gallery.T / IMAGE_TEMPERATURE
    rows = torch.arange(gallery.shape[0])
    similarity = similarity.masked_fill(copies[:, None] == rows, -torch.inf)
    right = similarity.masked_fill(labels[:, None] != shown, -torch.inf)
    return (similarity.logsumexp(1) - right.logsumexp(1)).mean()


def finish_starter(
    model: OpenClipModel, trained: dict, catalog: Path, pairs: Sequence[Path], seed: int
) -> dict[str, Any]:
    """Gives the start model its final weights, in place. `trained`: the state of its image tower
    after the training. Returns what its configuration says more from then on: the lengths of words
    and of looks."""
    visual = model.image_tower.model.visual
    visual.load_state_dict(mix_weights(visual.state_dict(), trained, TRUNK_SHARE))
    trunk, items = PlainFeatures(visual.trunk), read_items(catalog)
    lessons, named = make_lessons(trunk, items, pairs, seed), NamedImages(model, trunk, items)
    looks = Looks.fit(visual.head.power(torch.cat([lesson.gallery for lesson in lessons])))
    visual.head.mlp.load_state_dict(replace_looks(visual.head.mlp.state_dict(), looks))
    train_head(visual.head, lessons, named, seed)
    tune_words(visual.head, named)
    words = named.texts.informed
    numbers = visual.head.mlp.fc2.out_features
    return {LENGTHS: [[words, 1.0], [numbers - words, FINAL_LOOKS_LENGTH]]}


def make_lessons(
    trunk: PlainFeatures, items: Sequence[Item], pairs: Sequence[Path], seed: int
) -> list[Lesson]:
    """Makes the lessons of the catalogue and of the real photographs. By those of details, the head
    learns to tell photographs apart that show the same kind of thing."""
    rng = Random(f"finish {seed}")
    studio = ShopperPhotos.from_items(items, read_backgrounds())
    goods = read_items(REAL_PHOTOS / "groceries" / "catalog.jsonl")
    phone_photos = read_pairs([GROCERIES], goods)
    clothes = [photo.path for photo in read_photos(CLOTHES, by_kind=True)]
    return [
        make_product_lesson(trunk, items, read_pairs(pairs, list(items)), rng, studio),
        make_product_lesson(trunk, goods, phone_photos, rng),
        make_kind_lesson(trunk, CLOTHES, rng),
        make_detail_lesson(trunk, [*(pair.photo for pair in phone_photos), *clothes], rng),
    ]


class NamedImages:
    """Catalogue images and pictures with names: their features (n, 1280), and the words that each
    must come close to."""

    def __init__(self, model: OpenClipModel, trunk: PlainFeatures, items: Sequence[Item]) -> None:
        emoji = read_emoji()
        self.texts = Texts(model, items, [[*e.names_en, *e.names_ru] for e in emoji])
        files = [file for item in items for file in item.images] + [e.file for e in emoji]
        owners = [number for number, item in enumerate(items) for _ in item.images]
        labels = self.texts.select(torch.tensor(owners), torch.arange(len(emoji)))
        features = compute_features(trunk, map(read_image, files), "Named images")
        self.features, self.labels = features[labels != NO_TEXT], labels[labels != NO_TEXT]


def train_head(head: nn.Module, lessons: Sequence[Lesson], named: NamedImages, seed: int) -> None:
    """Trains the head (1280 → d numbers) in place. It stays near its first weights."""
    torch.manual_seed(seed)
    head.requires_grad_(True)
    matrices = [parameter for parameter in head.parameters() if parameter.ndim > 1]
    first = [matrix.detach().clone() for matrix in matrices]

    def loss() -> torch.Tensor:
        drift = sum(
            ((matrix - begun) ** 2).sum() / (begun**2).sum()
            for matrix, begun in zip(matrices, first, strict=True)
        )
        return _lesson_losses(head, lessons) + _word_loss(head, named) + drift

    _minimise(loss, list(head.parameters()), STEPS, RATE, "Head")
    head.requires_grad_(False)


def tune_words(head: nn.Module, named: NamedImages) -> None:
    """Trains the last layer's weights for words in place, and leaves looks as they are."""
    informed = named.texts.informed
    layer = head.mlp.fc2
    weights, bias = (
        part[:informed].detach().clone().requires_grad_(True) for part in (layer.weight, layer.bias)
    )

    def loss() -> torch.Tensor:
        chosen = torch.randperm(len(named.features))[: 2 * BATCH]
        features = head.power(F.dropout(named.features[chosen], DROPOUT))
        units = head.mlp.act(head.mlp.fc1(features))
        words = units @ weights.T + bias
        right = text_loss(F.normalize(words, dim=1), named.texts.vectors, named.labels[chosen])
        return right + LENGTH_WEIGHT * length_loss([(1.0, words)])

    _minimise(loss, [weights, bias], WORD_STEPS, WORD_RATE, "Words")
    with torch.no_grad():
        layer.weight[:informed], layer.bias[:informed] = weights, bias


def _minimise(
    loss: Callable[[], torch.Tensor],
    parameters: list[torch.Tensor],
    steps: int,
    rate: float,
    what: str,
) -> None:
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in tqdm(range(steps), what):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()


def _lesson_losses(head: nn.Module, lessons: Sequence[Lesson]) -> torch.Tensor:
    total = torch.zeros(())
    for lesson in lessons:
        chosen = torch.randperm(len(lesson.photos))[:BATCH]
        gallery = F.normalize(head(lesson.gallery), dim=1)
        photos = F.normalize(head(F.dropout(lesson.photos[chosen], DROPOUT)), dim=1)
        total = total + lesson.weight * nca_loss(
            photos, lesson.labels[chosen], gallery, lesson.shown, lesson.copies[chosen]
        )
    return total


def _word_loss(head: nn.Module, named: NamedImages) -> torch.Tensor:
    chosen = torch.randperm(len(named.features))[: 2 * BATCH]
    vectors = head(F.dropout(named.features[chosen], DROPOUT))
    words, looks = vectors.tensor_split([named.texts.informed], dim=1)
    lengths = length_loss([(1.0, words), (LOOKS_LENGTH, looks)])
    named_right = text_loss(F.normalize(words, dim=1), named.texts.vectors, named.labels[chosen])
    return named_right + LENGTH_WEIGHT * lengths
