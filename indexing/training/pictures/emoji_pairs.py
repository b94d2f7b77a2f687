"""Pictures of emoji with their names in English and Russian: image-text pairs of everyday objects.

Authors and licences: emoji/ATTRIBUTION.md and words/README.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path

NAMES = Path(__file__).parents[1] / "words" / "emoji.jsonl"
PICTURES = Path(__file__).parents[1] / "emoji"


@dataclass(frozen=True)
class Emoji:
    """`file`: an RGB WebP on white, at most 112 pixels. The first of `names_en` is the usual
    name."""

    file: Path
    names_en: tuple[str, ...]
    names_ru: tuple[str, ...]


@dataclass(frozen=True)
class EmojiNames:
    """The words of an emoji. `synonyms` mean the same as `name`; `tags` are only associated."""

    hexcode: str
    group: str
    name: str
    name_ru: str
    synonyms: tuple[str, ...]
    tags: tuple[str, ...]
    tags_ru: tuple[str, ...]


def read_emoji(pictures: Path = PICTURES, names: Path = NAMES) -> list[Emoji]:
    """Returns the emoji of each picture, by file name. An emoji with two pictures comes twice.

    Raises KeyError for a picture without a name.
    """
    by_hexcode = {emoji.hexcode: emoji for emoji in read_emoji_names(names)}
    pairs = []
    for file in sorted(pictures.glob("*.webp")):
        emoji = by_hexcode[file.stem.removesuffix("-noto")]
        pairs.append(Emoji(file, (emoji.name, *emoji.synonyms), (emoji.name_ru,)))
    return pairs


def read_emoji_names(file: Path = NAMES) -> list[EmojiNames]:
    """Returns the 1,644 emoji of words/emoji.jsonl, with or without a picture."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [
        EmojiNames(
            hexcode=row["hexcode"],
            group=row["group"],
            name=row["name"],
            name_ru=row["name_ru"],
            synonyms=tuple(row["synonyms"]),
            tags=tuple(row["tags"]),
            tags_ru=tuple(row["tags_ru"]),
        )
        for row in rows
    ]
