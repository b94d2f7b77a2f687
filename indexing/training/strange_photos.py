"""A held-out set over backgrounds that training never saw: products cut out of photos that training
never saw either, set before other backgrounds.

    python -m indexing.training.strange_photos CUTOUTS BACKGROUNDS PHOTOS.jsonl OUTPUT

CUTOUTS: an RGBA PNG for each photo, under the photo's name (made with OpenCV's GrabCut and looked
through by eye, once); PHOTOS.jsonl says which product each shows.
"""

import json
import sys
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from indexing.training.augment import BILINEAR, chance, recoloured
from indexing.training.cutouts import read_image

SHAPES = ((480, 360), (360, 480), (480, 480), (400, 300), (300, 400))
BEYOND = 0.12  # of a product that an edge of the photo may cut off
LEAST_MASK = 0.15  # of a box, below which a cut-out is more hole than product


def main(cutouts: Path, backgrounds: Path, photos: Path, output: Path) -> None:
    rng = Random("strange")
    places = sorted(backgrounds.glob("*.webp"))
    (output / "photos").mkdir(parents=True, exist_ok=True)
    lines = []
    for line in photos.read_text("utf-8").splitlines():
        row = json.loads(line)
        file = cutouts / f"{Path(row['file']).stem}.png"
        if not file.exists():
            continue
        with Image.open(file) as image:
            cutout = image.convert("RGBA")
        if _share(cutout) < LEAST_MASK:
            continue
        photo, box = compose(cutout, read_image(rng.choice(places)), rng)
        name = f"photos/{file.stem}.jpg"
        (output / name).write_bytes(_jpeg(photo, rng.randint(55, 90)))
        label = {"file": name, "sku": row["sku"], "split": "strange", "scene": False, "box": box}
        lines.append(json.dumps({**label, "others": []}))
    (output / "photos.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def compose(
    cutout: Image.Image, background: Image.Image, rng: Random
) -> tuple[Image.Image, list[float]]:
    """A photo of the product there, and the box (x, y, w, h, each 0 to 1) about what is seen."""
    width, height = rng.choice(SHAPES)
    photo = _filled(background, width, height, rng)
    thing = cutout.rotate(rng.uniform(-12, 12), BILINEAR, expand=True)
    thing = thing.crop(thing.getchannel("A").getbbox())
    room = min(width / thing.width, height / thing.height)
    scale = min(rng.uniform(0.3, 0.8) * room, 2.5)
    size = max(8, int(thing.width * scale)), max(8, int(thing.height * scale))
    thing = thing.resize(size, BILINEAR)
    alpha = thing.getchannel("A").filter(ImageFilter.GaussianBlur(0.6))
    surface = recoloured(thing.convert("RGB"), rng, 0.5)
    x, y = (_place(part, whole, rng) for part, whole in zip(size, photo.size, strict=True))
    shadow = Image.new("L", photo.size, 0)
    shadow.paste(alpha, (x + rng.randint(-6, 6), y + int(0.04 * size[1])))
    soft = shadow.filter(ImageFilter.GaussianBlur(6)).point(lambda value: int(0.4 * value))
    photo.paste((0, 0, 0), (0, 0), soft)
    photo.paste(surface, (x, y), alpha)
    seen = Image.new("L", photo.size, 0)
    seen.paste(alpha, (x, y))
    left, top, right, bottom = seen.point(lambda value: 255 * (value > 100)).getbbox() or (
        (0, 0, width, height)
    )
    box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
    return _as_by_a_phone(photo, rng), [round(side, 4) for side in box]


def _filled(background: Image.Image, width: int, height: int, rng: Random) -> Image.Image:
    ratio = max(width / background.width, height / background.height) * rng.uniform(1, 1.3)
    size = int(background.width * ratio) + 1, int(background.height * ratio) + 1
    whole = background.resize(size, BILINEAR)
    x, y = rng.randint(0, size[0] - width), rng.randint(0, size[1] - height)
    return whole.crop((x, y, x + width, y + height))


def _place(length: int, room: int, rng: Random) -> int:
    over = int(BEYOND * length) if chance(rng, 0.2) else 0
    return rng.randint(-over, max(-over, room - length + over))


def _as_by_a_phone(photo: Image.Image, rng: Random) -> Image.Image:
    if chance(rng, 0.4):
        photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
    if chance(rng, 0.5):
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(photo.size[::-1])
        pixels = np.asarray(photo) + noise[:, :, None] * rng.uniform(2, 7)
        photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return recoloured(photo, rng, 0.5)


def _share(cutout: Image.Image) -> float:
    return float((np.asarray(cutout.getchannel("A")) > 100).mean())


def _jpeg(photo: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return file.getvalue()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
