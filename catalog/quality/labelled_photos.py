"""Reads labelled photos: photos whose product is known, for measuring quality."""

import json
from dataclasses import dataclass
from pathlib import Path

from catalog.imaging.image_decoding import Box


class PhotosError(Exception):
    """Raised if a list of photos cannot be used. The message says why."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, the sku of the product it shows, and the product's box in the photo. `scene`:
    whether the photo shows other things too. `split`: the part of the list that it belongs to.
    `kind`: in lists of kinds, what the photo shows; then `sku` is empty."""

    path: Path
    sku: str
    scene: bool
    box: Box | None
    split: str = ""
    kind: str = ""


def read_photos(path: Path, split: str = "", by_kind: bool = False) -> list[LabelledPhoto]:
    """Returns the photos of a JSON Lines file, or those of one `split`. Each line has `file`,
    relative to the list, and `sku`, or with `by_kind` a `kind`. It may have `scene`, `box` and
    `split`. Raises PhotosError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PhotosError(f"{path} cannot be read: {error}") from error
    photos = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if split and row.get("split") != split:
                continue
            photos.append(_read_photo(row, path.parent, by_kind))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PhotosError(f"{path.name}, line {number}: {error!r}") from error
    if not photos:
        raise PhotosError(f"{path} names no photos.")
    return photos


def _read_photo(row: dict, folder: Path, by_kind: bool) -> LabelledPhoto:
    return LabelledPhoto(
        folder / row["file"],
        "" if by_kind else row["sku"],
        bool(row.get("scene")),
        _read_box(row),
        row.get("split") or "",
        row["kind"] if by_kind else "",
    )


def _read_box(row: dict) -> Box | None:
    if not row.get("box"):
        return None
    x, y, width, height = map(float, row["box"])
    return x, y, width, height
