"""Pairs of a photo and a product, from whatever told us: labelled photos, clicks or purchases."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.imaging.image_decoding import Box
from catalog.labelled_photos import read_photos


@dataclass(frozen=True)
class Item:
    """A product as training sees it. `images`: its catalogue photos, one at least."""

    sku: str
    title: str
    title_ru: str
    category: str
    category_ru: str
    keywords: tuple[str, ...]
    images: tuple[Path, ...]


@dataclass(frozen=True)
class Pair:
    """A photo, where in it the product is (None: the whole photo), and the product's number."""

    photo: Path
    box: Box | None
    product: int


def read_items(catalog: Path) -> list[Item]:
    """Products with an image of a JSON Lines catalogue; image paths are relative to its folder.

    Raises ValueError where there is none, or where a line is not a product.
    """
    items = []
    for number, line in enumerate(catalog.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if row.get("images"):
                items.append(_item(row, catalog.parent))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{catalog.name}, line {number}: {error!r}") from error
    if not items:
        raise ValueError(f"{catalog} has no product with an image.")
    return items


def read_pairs(lists: Iterable[Path], items: list[Item], split: str = "") -> list[Pair]:
    """The pairs of JSON Lines files (`file` relative to the list, `sku`, optional `box` and
    `split`); lines of products that are not among `items` are passed over. Raises PhotosError."""
    numbers = {item.sku: number for number, item in enumerate(items)}
    return [
        Pair(photo.path, photo.box, numbers[photo.sku])
        for path in lists
        for photo in read_photos(path, split)
        if photo.sku in numbers
    ]


def _item(row: dict, folder: Path) -> Item:
    return Item(
        sku=row["sku"],
        title=row.get("title", ""),
        title_ru=row.get("title_ru", ""),
        category=row.get("category", ""),
        category_ru=row.get("category_ru", ""),
        keywords=tuple(row.get("keywords", ())),
        images=tuple(folder / image for image in row["images"]),
    )
