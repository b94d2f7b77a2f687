"""Photos that are known to show a product of the catalogue: what quality is measured on."""

import json
from dataclasses import dataclass
from pathlib import Path

from catalog.imaging.image_decoding import Box


class PhotosError(Exception):
    """The list of photos cannot be used; the message says why."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, the sku of the product it shows, and where; `scene`: other things are in it too."""

    path: Path
    sku: str
    scene: bool
    box: Box | None


def read_photos(path: Path, split: str = "") -> list[LabelledPhoto]:
    """The photos of a JSON Lines file (`file` relative to it, `sku`, `scene`, `box`), all or those
    of one `split`. Raises PhotosError."""
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
                    path.parent / row["file"], row["sku"], bool(row.get("scene")), _box(row)
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PhotosError(f"{path.name}, line {number}: {error!r}") from error
    if not photos:
        raise PhotosError(f"{path} names no photos.")
    return photos


def _box(row: dict) -> Box | None:
    if not row.get("box"):
        return None
    x, y, width, height = map(float, row["box"])
    return x, y, width, height
