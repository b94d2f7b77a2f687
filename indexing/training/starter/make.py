"""Makes the start model: a text tower that is distilled, the ImageNet backbone, and an image head
that joins the two."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.nn.functional as F

from catalog.visual.networks.head_layers import POWER, Power
from catalog.visual.plain_features import BACKBONE, PREPROCESS, PlainFeatures, load_backbone
from indexing.training.model_folder import write_model
from indexing.training.pairs import Item, read_items
from indexing.training.pictures.cutouts import read_image
from indexing.training.starter import image_head, text_tower
from indexing.training.starter.learnt_texts import (
    collect_phrases,
    read_imagenet_labels,
    read_tags,
)
from indexing.training.starter.lessons import compute_features
from indexing.training.starter.minilm import MiniLM
from indexing.training.starter.word_space import compute_meanings

FEATURE_POWER = 0.5
_MODEL: dict[str, Any] = {
    "embed_dim": image_head.NUMBERS,
    "custom_text": True,
    "vision_cfg": {
        "timm_model_name": BACKBONE,
        "timm_model_pretrained": False,
        # Empty means the network's own average pooling.
        "timm_pool": "",
        "timm_proj": "mlp",
        "timm_proj_bias": True,
        "image_size": PREPROCESS["size"][0],
    },
    "text_cfg": {
        "context_length": 48,
        "vocab_size": 49408,
        "width": 128,
        "heads": 4,
        "layers": 3,
    },
}


def make_start(output: Path, catalog: Path, seed: int) -> None:
    """Makes the start model, which encodes images and texts as 512 numbers, and writes it to an
    open_clip folder. Takes about eleven minutes on two cores.

    Learns the tags of a `vocabulary.jsonl` beside the catalogue too. Raises ModuleNotFoundError
    without the packages of requirements-train.txt, and ValueError for a catalogue without images.
    """
    torch.manual_seed(seed)
    items = read_items(catalog)
    teacher = MiniLM()
    tags = read_tags(catalog.with_name("vocabulary.jsonl"))
    phrases = collect_phrases(items, tags, seed)
    labels = read_imagenet_labels()
    names = [*phrases.names(), *(name for synonyms in labels for name in synonyms)]
    names = sorted({*names, *(item.title for item in items)})
    space, vectors = compute_meanings(teacher, phrases.meanings(), names, image_head.WORD_NUMBERS)

    model = _empty_model()
    _make_image_tower(model, items, labels, vectors, seed)
    table = text_tower.make_token_table(teacher, space, model.text.width)
    with torch.no_grad():
        model.text.token_embedding.weight.copy_(table)
    text_tower.distil(model.text, phrases, vectors, seed)
    config = {"model_cfg": _MODEL, "preprocess_cfg": PREPROCESS, POWER: FEATURE_POWER}
    write_model(model.eval(), config, output, half=False)


def _empty_model() -> open_clip.CustomTextCLIP:
    settings = {key: value for key, value in _MODEL.items() if key != "custom_text"}
    return open_clip.CustomTextCLIP(**settings)


def _make_image_tower(
    model: open_clip.CustomTextCLIP,
    items: Sequence[Item],
    labels: Sequence[Sequence[str]],
    vectors: dict[str, torch.Tensor],
    seed: int,
) -> None:
    backbone = load_backbone()
    files = [file for item in items for file in item.images]
    pooled = compute_features(PlainFeatures(backbone), map(read_image, files), "Image features")
    with torch.no_grad():
        logits, features = backbone.classifier(pooled), Power(FEATURE_POWER)(pooled)
    owners = [number for number, item in enumerate(items) for _ in item.images]
    titles = torch.stack([vectors[item.title] for item in items])
    classes = torch.stack(
        [
            F.normalize(torch.stack([vectors[name] for name in names]).sum(0), dim=0)
            for names in labels
        ]
    )
    words = image_head.WordHead(logits, classes, features)
    image_head.tune_words(words, features, titles, owners, seed)
    looks = image_head.Looks.fit(features)
    model.visual.head.mlp.load_state_dict(image_head.pack_head(words, looks))
    trunk = backbone.state_dict()
    model.visual.trunk.load_state_dict(
        {name: trunk[name] for name in model.visual.trunk.state_dict()}
    )
    # The temperature of the titles, corrected for looks, which make cosines with texts smaller.
    share = 1 / math.hypot(1, image_head.LOOK_WEIGHT)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(1 / (image_head.TEMPERATURE * share)))
