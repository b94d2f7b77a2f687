"""The texts that the text tower learns, each with the English words that it means."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from timm.data.imagenet_info import ImageNetInfo

from indexing.training.pairs import Item
from indexing.training.pictures.emoji_pairs import EmojiNames, read_emoji_names
from indexing.training.starter.attribute_words import ATTRIBUTES
from indexing.training.starter.prompts import english_prompt, russian_prompt
from indexing.training.starter.russian import Russian

SHOP_WORDS = Path(__file__).parents[1] / "words" / "shop.tsv"
# A meaning may be several things at once: its vector lies between theirs.
EITHER = " | "

# Groups of emoji that attributes describe, and those whose tags name what is seen.
_THINGS = {"animals-nature", "food-drink", "objects", "activities"}
_SEEN = {*_THINGS, "travel-places", "people-body"}
_ATTRIBUTES_PER_NAME = 4
# A Russian tag means an English one when they go with mostly the same emoji (Dice's measure) ...
_SAME_EMOJI = 0.6
_LEAST_SHARED = 2
# ... and otherwise whatever its emoji show, unless they are many.
_MOST_SHOWN = 4


def read_tags(vocabulary: Path) -> list[tuple[str, str]]:
    """(English, Russian) names of a JSON Lines vocabulary; none where there is no such file."""
    if not vocabulary.exists():
        return []
    rows = [json.loads(line) for line in vocabulary.read_text("utf-8").splitlines() if line.strip()]
    return [(row["name"], row.get("name_ru", "")) for row in rows]


@dataclass(frozen=True)
class Phrase:
    """`forms` are `Russian.forms` of a Russian text."""

    text: str
    meaning: str
    russian: bool = False
    forms: Mapping[str, str] = field(default_factory=dict, compare=False)

    def prompted(self, rng: random.Random) -> str:
        """The text as somebody may write it: inflected, in a sentence, with a typo."""
        if self.russian:
            return russian_prompt(self.text, self.forms, rng)
        return english_prompt(self.text, rng)


@dataclass(frozen=True)
class Phrases:
    """All that there is to learn, by where it comes from.

    `shop`: the catalogue, its tags and common goods; `described`: an attribute and the name of a
    thing; `emoji`: their names; `tags`: what goes with emoji, in Russian; `world`: ImageNet-21k.
    """

    shop: list[Phrase]
    described: list[Phrase]
    emoji: list[Phrase]
    tags: list[Phrase]
    world: list[Phrase]

    def meanings(self) -> list[str]:
        """Every meaning once, sorted."""
        parts = (self.shop, self.described, self.emoji, self.tags, self.world)
        return sorted({phrase.meaning for part in parts for phrase in part})

    def names(self) -> list[str]:
        """Meanings that are one thing without an attribute, sorted."""
        parts = (self.shop, self.emoji, self.world)
        return sorted({phrase.meaning for part in parts for phrase in part})


def all_phrases(
    items: Sequence[Item],
    tags: Sequence[tuple[str, str]],
    seed: int,
    left_out: Iterable[str] = (),
) -> Phrases:
    """Everything: `items`, (English, Russian) `tags`, the words that ship here, ImageNet-21k.

    A Russian text means its English counterpart: there is no Russian teacher.  No text and no
    meaning is among `left_out`, which is for measuring; letters' case and ё do not matter.
    Raises ModuleNotFoundError without pymorphy3.
    """
    left = {_plain(text) for text in left_out}
    rng, russian = random.Random(seed), Russian()

    def kept(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(en, ru) for en, ru in pairs if _plain(en) not in left and _plain(ru) not in left]

    emoji = read_emoji_names()
    named = kept(_emoji_pairs(emoji))
    shop = kept([*_item_pairs(items), *tags, *read_shop_words()])
    nouns = kept((one.name, one.name_ru) for one in emoji if one.group in _THINGS)
    titles = kept((item.title, item.title_ru) for item in items)
    nouns = sorted({*nouns, *titles, *kept([*tags, *read_shop_words()])})
    return Phrases(
        shop=_phrases(shop, russian),
        described=_phrases(_described(nouns, russian, rng), russian),
        emoji=_phrases(named, russian),
        tags=_phrases(_tag_pairs(emoji, left), russian, english=False),
        world=[phrase for phrase in world_phrases() if _plain(phrase.text) not in left],
    )


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


def read_shop_words(file: Path = SHOP_WORDS) -> list[tuple[str, str]]:
    """(English, Russian) names of common goods and of what surrounds them."""
    rows = [line.split("\t") for line in file.read_text("utf-8").splitlines() if line]
    return [(english, russian) for english, russian in rows]


def _item_pairs(items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    for item in items:
        yield item.title, item.title_ru
        yield item.category, item.category_ru
        for keyword in item.keywords:
            yield keyword, ""


def _emoji_pairs(emoji: Sequence[EmojiNames]) -> Iterator[tuple[str, str]]:
    for one in emoji:
        yield one.name, one.name_ru
        for synonym in one.synonyms:
            yield synonym, ""


def _phrases(
    pairs: Iterable[tuple[str, str]], russian: Russian, english: bool = True
) -> list[Phrase]:
    """Both sides of (English, Russian) pairs, each pair once; a side may be empty."""
    pairs = set(pairs)
    sources = sorted({en for en, _ in pairs if en}) if english else []
    return [Phrase(text, text) for text in sources] + [
        Phrase(ru, en, True, russian.forms(ru)) for en, ru in sorted(pairs) if en and ru
    ]


def _described(
    names: Sequence[tuple[str, str]], russian: Russian, rng: random.Random
) -> list[tuple[str, str]]:
    return [
        (f"{attribute} {name.lower()}", russian.described(attribute_ru, name_ru) if name_ru else "")
        for name, name_ru in names
        for attribute, attribute_ru in rng.sample(ATTRIBUTES, _ATTRIBUTES_PER_NAME)
    ]


def _tag_pairs(emoji: Sequence[EmojiNames], left: set[str]) -> list[tuple[str, str]]:
    """(meaning, Russian tag): an English word of the same emoji, or what those emoji show."""
    known = [one for one in emoji if one.group in _SEEN and _plain(one.name) not in left]
    words = {one.hexcode: {one.name, *one.synonyms, *one.tags} for one in known}
    english, russian = defaultdict(set), defaultdict(set)
    for one in known:
        for word in words[one.hexcode]:
            english[word].add(one.hexcode)
        for word in {one.name_ru, *one.tags_ru}:
            russian[word].add(one.hexcode)
    names = {one.hexcode: one.name for one in known}
    tags = {tag for one in known for tag in one.tags_ru} - {one.name_ru for one in known}
    pairs = []
    for tag in sorted(tag for tag in tags if _plain(tag) not in left):
        shown = russian[tag]
        likely = {word for hexcode in shown for word in words[hexcode]}
        best = max(likely, key=lambda word: (_dice(english[word], shown), word))
        if _dice(english[best], shown) >= _SAME_EMOJI and len(shown) >= _LEAST_SHARED:
            if _plain(best) not in left:
                pairs.append((best, tag))
        elif len(shown) <= _MOST_SHOWN:
            pairs.append((EITHER.join(sorted(names[hexcode] for hexcode in shown)), tag))
    return pairs


def _dice(some: set[str], others: set[str]) -> float:
    return 2 * len(some & others) / (len(some) + len(others))


def _plain(text: str) -> str:
    return text.lower().replace("ё", "е")


def _synonyms(description: str) -> list[str]:
    return [name.strip() for name in description.split(",") if name.strip()]
