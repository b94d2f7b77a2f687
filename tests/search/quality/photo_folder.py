"""Folders of labelled photos with a catalogue of their own, in plain colours."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.indexing.shop import photo

COLOURS = ("red", "blue", "lime", "yellow", "magenta", "cyan", "black", "white", "gray", "olive")


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_photo(folder: Path, name: str, colour: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo(colour, "PNG"))
    return name


def write_products_folder(folder: Path) -> Path:
    """A product of each colour, two `dev` photos of the red one, one of the blue, and a `train`
    photo of the lime one."""
    products = [
        {"sku": colour, "images": [write_photo(folder, f"images/{colour}.png", colour)]}
        for colour in COLOURS
    ]
    photos = [
        {"file": write_photo(folder, f"{name}.png", sku), "sku": sku, "split": split}
        for name, sku, split in (
            ("red-1", "red", "dev"),
            ("red-2", "red", "dev"),
            ("blue-1", "blue", "dev"),
            ("lime-1", "lime", "train"),
        )
    ]
    write_lines(folder / "products.jsonl", products)
    write_lines(folder / "photos.jsonl", photos)
    return folder


def write_kinds_folder(folder: Path) -> Path:
    """A `train` photo of each colour and no products: red and magenta are warm, all others cold.
    `dev` photos in red, which is warm, and in magenta, which is called cold."""
    rows = [
        {
            "file": write_photo(folder, f"train/{colour}.png", colour),
            "kind": "warm" if colour in ("red", "magenta") else "cold",
            "split": "train",
        }
        for colour in COLOURS
    ]
    rows += [
        {"file": write_photo(folder, "dev/1.png", "red"), "kind": "warm", "split": "dev"},
        {"file": write_photo(folder, "dev/2.png", "magenta"), "kind": "cold", "split": "dev"},
    ]
    write_lines(folder / "photos.jsonl", rows)
    return folder
