"""Pairs of a photo and a product, from labelled photos, clicks or purchases."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.imaging.image_decoding import Box
from catalog.quality.labelled_photos import read_photos


@dataclass(frozen=True)
class Item:
    """A product. `images`: its catalogue images, at least one."""

    sku: str
    title: str
    title_ru: str
    category: str
    category_ru: str
    keywords: tuple[str, ...]
    images: tuple[Path, ...]


@dataclass(frozen=True)
class Pair:
    """A photo, the box of the product in it (None: the whole photo), and the product's index."""

    photo: Path
    box: Box | None
    product: int


def read_items(catalog: Path) -> list[Item]:
    """Returns the products of a JSON Lines catalogue that have an image. Image paths are relative
    to the catalogue's folder. Raises ValueError if there are none, or if a line is not a product.
    """
    items = []
    for number, line in enumerate(catalog.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if row.get("images"):
                items.append(_make_item(row, catalog.parent))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{catalog.name}, line {number}: {error!r}") from error
    if not items:
        raise ValueError(f"{catalog} has no product with an image.")
    return items


def read_pairs(lists: Iterable[Path], items: list[Item], split: str = "") -> list[Pair]:
    """Returns the pairs of lists of labelled photos, as `catalog.quality.labelled_photos` reads
    them. Leaves out photos whose product is not in `items`. Raises PhotosError."""
    numbers = {item.sku: number for number, item in enumerate(items)}
    return [
        Pair(photo.path, photo.box, numbers[photo.sku])
        for path in lists
        for photo in read_photos(path, split)
        if photo.sku in numbers
    ]


def _make_item(row: dict, folder: Path) -> Item:
    return Item(
        sku=row["sku"],
        title=row.get("title", ""),
        title_ru=row.get("title_ru", ""),
        category=row.get("category", ""),
        category_ru=row.get("category_ru", ""),
        keywords=tuple(row.get("keywords", ())),
        images=tuple(folder / image for image in row["images"]),
    )
