"""The texts that the text tower learns, each with the English words that it means."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from timm.data.imagenet_info import ImageNetInfo

from indexing.training.starter.catalogue import Item

_PROMPTS = (
    "{}",
    "{}",
    "a {}",
    "a photo of a {}",
    "a photo of {}",
    "a picture of a {}",
    "a product photo of a {}",
    "{} on a white background",
    "a photo of a {} in a room",
    "I am looking for a {}",
)
_PROMPTS_RU = ("{}", "{}", "фото {}", "{} на белом фоне", "купить {}")
_COLOURS = (
    "black",
    "white",
    "grey",
    "red",
    "green",
    "blue",
    "yellow",
    "brown",
    "orange",
    "pink",
    "beige",
)
_MATERIALS = ("wooden", "metal", "glass", "plastic", "leather", "fabric")
_KINDS = (
    "small",
    "large",
    "round",
    "square",
    "tall",
    "modern",
    "old",
    "vintage",
    "garden",
    "kitchen",
    "children's",
)
_ATTRIBUTES = (*_COLOURS, *_MATERIALS, *_KINDS)
_ATTRIBUTES_PER_TITLE = 5


@dataclass(frozen=True)
class Phrase:
    text: str
    meaning: str
    russian: bool = False

    def prompted(self, rng: random.Random) -> str:
        """The text inside one of the sentences people write around it."""
        return rng.choice(_PROMPTS_RU if self.russian else _PROMPTS).format(self.text)


def imagenet_labels() -> list[list[str]]:
    """Names of the 1000 ImageNet classes in the classifier's order, each with synonyms."""
    info = ImageNetInfo("imagenet-1k")
    return [_synonyms(info.index_to_description(i)) for i in range(info.num_classes())]


def world_phrases() -> list[Phrase]:
    """About 37,000 names of things: the WordNet lemmas of ImageNet-21k that timm ships."""
    info = ImageNetInfo("imagenet-21k-goog")
    names = {
        name for i in range(info.num_classes()) for name in _synonyms(info.index_to_description(i))
    }
    return [Phrase(name, name) for name in sorted(names)]


def shop_phrases(items: Sequence[Item], rng: random.Random) -> list[Phrase]:
    """The catalogue's own words, in both languages, and titles with an attribute before them.

    A Russian text means its English counterpart: there is no Russian teacher.
    """
    titles = sorted({item.title for item in items})
    english = {*titles, *(item.category for item in items)}
    english |= {keyword for item in items for keyword in item.keywords}
    english |= {
        f"{attribute} {title.lower()}"
        for title in titles
        for attribute in rng.sample(_ATTRIBUTES, _ATTRIBUTES_PER_TITLE)
    }
    russian = {(item.title_ru, item.title) for item in items}
    russian |= {(item.category_ru, item.category) for item in items}
    return [Phrase(text, text) for text in sorted(english) if text] + [
        Phrase(text, meaning, russian=True) for text, meaning in sorted(russian) if text
    ]


def _synonyms(description: str) -> list[str]:
    return [name.strip() for name in description.split(",") if name.strip()]
