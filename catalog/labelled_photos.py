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
    whether the photo shows other things too."""

    path: Path
    sku: str
    scene: bool
    box: Box | None


def read_photos(path: Path, split: str = "") -> list[LabelledPhoto]:
    """Returns the photos of a JSON Lines file, or those of one `split`. Each line has `file`,
    relative to the list, and `sku`, and may have `scene`, `box` and `split`. Raises PhotosError."""
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
            photos.append(
                LabelledPhoto(
                    path.parent / row["file"], row["sku"], bool(row.get("scene")), _read_box(row)
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PhotosError(f"{path.name}, line {number}: {error!r}") from error
    if not photos:
        raise PhotosError(f"{path} names no photos.")
    return photos


def _read_box(row: dict) -> Box | None:
    if not row.get("box"):
        return None
    x, y, width, height = map(float, row["box"])
    return x, y, width, height
