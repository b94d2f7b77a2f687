"""The texts that the text tower learns, each with its meaning in English words."""

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
from indexing.training.starter.prompts import write_english_prompt, write_russian_prompt
from indexing.training.starter.russian import Russian

SHOP_WORDS = Path(__file__).parents[1] / "words" / "shop.tsv"
# Separates the words of a meaning. Its vector is the normalised sum of theirs.
EITHER = " | "

# Groups of emoji that take attributes, and groups whose tags name visible things.
_OBJECT_GROUPS = {"animals-nature", "food-drink", "objects", "activities"}
_VISIBLE_GROUPS = {*_OBJECT_GROUPS, "travel-places", "people-body"}
_ATTRIBUTES_PER_NAME = 4
# A Russian tag means an English word if the emoji of both are mostly the same (Dice coefficient).
_MIN_DICE = 0.6
_MIN_SHARED = 2
# Otherwise the tag means the names of its emoji, unless there are too many.
_MAX_SHOWN = 4


def read_tags(vocabulary: Path) -> list[tuple[str, str]]:
    """Returns the (English, Russian) names of a JSON Lines vocabulary, or none without the file."""
    if not vocabulary.exists():
        return []
    rows = [json.loads(line) for line in vocabulary.read_text("utf-8").splitlines() if line.strip()]
    return [(row["name"], row.get("name_ru", "")) for row in rows]


@dataclass(frozen=True)
class Phrase:
    """A text and its meaning. `forms`: of a Russian text, by `Russian.inflect`."""

    text: str
    meaning: str
    russian: bool = False
    forms: Mapping[str, str] = field(default_factory=dict, compare=False)

    def write_prompt(self, rng: random.Random) -> str:
        """Returns the text as a shopper may write it: inflected, in a sentence, with a typo."""
        if self.russian:
            return write_russian_prompt(self.text, self.forms, rng)
        return write_english_prompt(self.text, rng)


@dataclass(frozen=True)
class Phrases:
    """The phrases to learn, by source.

    `shop`: the catalogue, its tags and common goods. `described`: an attribute and the name of a
    thing. `emoji`: names of emoji. `tags`: Russian tags of emoji. `world`: ImageNet-21k.
    """

    shop: list[Phrase]
    described: list[Phrase]
    emoji: list[Phrase]
    tags: list[Phrase]
    world: list[Phrase]

    def meanings(self) -> list[str]:
        """Returns every meaning once, sorted."""
        parts = (self.shop, self.described, self.emoji, self.tags, self.world)
        return sorted({phrase.meaning for part in parts for phrase in part})

    def names(self) -> list[str]:
        """Returns the meanings that are one thing without an attribute, sorted."""
        parts = (self.shop, self.emoji, self.world)
        return sorted({phrase.meaning for part in parts for phrase in part})


def collect_phrases(
    items: Sequence[Item],
    tags: Sequence[tuple[str, str]],
    seed: int,
    left_out: Iterable[str] = (),
) -> Phrases:
    """Collects the phrases of `items`, (English, Russian) `tags`, the `words` folder, and
    ImageNet-21k.

    The meaning of a Russian text is its English counterpart, because there is no Russian teacher.
    Leaves out texts and meanings in `left_out`, which are for measuring. Ignores case, and treats ё
    as е.
    """
    left = {_plain(text) for text in left_out}
    rng, russian = random.Random(seed), Russian()

    def kept(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(en, ru) for en, ru in pairs if _plain(en) not in left and _plain(ru) not in left]

    emoji = read_emoji_names()
    named = kept(_emoji_pairs(emoji))
    shop = kept([*_item_pairs(items), *tags, *read_shop_words()])
    nouns = kept((one.name, one.name_ru) for one in emoji if one.group in _OBJECT_GROUPS)
    titles = kept((item.title, item.title_ru) for item in items)
    nouns = sorted({*nouns, *titles, *kept([*tags, *read_shop_words()])})
    return Phrases(
        shop=_make_phrases(shop, russian),
        described=_make_phrases(_describe_names(nouns, russian, rng), russian),
        emoji=_make_phrases(named, russian),
        tags=_make_phrases(_tag_pairs(emoji, left), russian, english=False),
        world=[phrase for phrase in read_world_phrases() if _plain(phrase.text) not in left],
    )


def read_imagenet_labels() -> list[list[str]]:
    """Returns the names of the 1000 ImageNet classes with synonyms, in the classifier's order."""
    info = ImageNetInfo("imagenet-1k")
    return [_synonyms(info.index_to_description(i)) for i in range(info.num_classes())]


def read_world_phrases() -> list[Phrase]:
    """Returns about 37,000 names of things: the WordNet lemmas of ImageNet-21k in timm."""
    info = ImageNetInfo("imagenet-21k-goog")
    names = {
        name for i in range(info.num_classes()) for name in _synonyms(info.index_to_description(i))
    }
    return [Phrase(name, name) for name in sorted(names)]


def read_shop_words(file: Path = SHOP_WORDS) -> list[tuple[str, str]]:
    """Returns (English, Russian) names of common goods, materials, rooms, animals and foods."""
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


def _make_phrases(
    pairs: Iterable[tuple[str, str]], russian: Russian, english: bool = True
) -> list[Phrase]:
    """Makes phrases of both sides of (English, Russian) pairs, each pair once. A side may be
    empty."""
    pairs = set(pairs)
    sources = sorted({en for en, _ in pairs if en}) if english else []
    return [Phrase(text, text) for text in sources] + [
        Phrase(ru, en, True, russian.inflect(ru)) for en, ru in sorted(pairs) if en and ru
    ]


def _describe_names(
    names: Sequence[tuple[str, str]], russian: Russian, rng: random.Random
) -> list[tuple[str, str]]:
    return [
        (
            f"{attribute} {name.lower()}",
            russian.add_adjective(attribute_ru, name_ru) if name_ru else "",
        )
        for name, name_ru in names
        for attribute, attribute_ru in rng.sample(ATTRIBUTES, _ATTRIBUTES_PER_NAME)
    ]


def _tag_pairs(emoji: Sequence[EmojiNames], left: set[str]) -> list[tuple[str, str]]:
    """Returns (meaning, Russian tag). The meaning is an English word of the same emoji, or the
    names of those emoji."""
    known = [one for one in emoji if one.group in _VISIBLE_GROUPS and _plain(one.name) not in left]
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
        if _dice(english[best], shown) >= _MIN_DICE and len(shown) >= _MIN_SHARED:
            if _plain(best) not in left:
                pairs.append((best, tag))
        elif len(shown) <= _MAX_SHOWN:
            pairs.append((EITHER.join(sorted(names[hexcode] for hexcode in shown)), tag))
    return pairs


def _dice(some: set[str], others: set[str]) -> float:
    return 2 * len(some & others) / (len(some) + len(others))


def _plain(text: str) -> str:
    return text.lower().replace("ё", "е")


def _synonyms(description: str) -> list[str]:
    return [name.strip() for name in description.split(",") if name.strip()]
