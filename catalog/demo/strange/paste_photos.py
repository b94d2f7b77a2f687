"""Shopper's photos over backgrounds that training never saw: cut-outs pasted over pictures.

    python -m catalog.demo.strange.paste_photos CUT_OUTS BACKGROUNDS OUT_FOLDER

CUT_OUTS holds `SKU-N.png` with transparency (see `grab_cut`), BACKGROUNDS any pictures that are not
in `indexing/training/backgrounds`. OUT_FOLDER gets `photos/SKU-N__BACKGROUND.jpg` and
`photos.jsonl`, which says where in each photo the product is. The same folders and seed give the
same photos.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.floating[Any]]  # (height, width, channels), 0 to 255; alpha and masks 0 to 1

FRAMES = ((480, 360), (360, 480), (420, 420), (480, 400), (400, 480))
SHARE = (0.25, 0.8)  # of the frame's side, taken by the product
LARGEST_ZOOM = 2.0  # of the cut-out: above it the product would be a blur
CUT_ODDS, LARGEST_CUT = 0.3, 0.15  # of the product's side, beyond the frame's edge
LARGEST_TURN = 12.0  # degrees
VISIBLE = 0.3  # alpha from which a pixel belongs to the product


def composites(
    cut_outs: list[Path], backgrounds: list[Path], seed: int
) -> Iterator[tuple[Path, Path, Image.Image, list[float], int]]:
    """Per cut-out: its file, its background's, the photo, the product's box, the JPEG quality.

    The box is x, y, width, height as shares of the photo. Backgrounds take turns in a shuffled
    order, so that each serves about as often as any other.
    """
    rng = np.random.default_rng(seed)
    turns: list[int] = []
    for cut_out in cut_outs:
        turns = turns or list(rng.permutation(len(backgrounds)))
        background = backgrounds[turns.pop()]
        photo, box = composite(Image.open(cut_out), Image.open(background).convert("RGB"), rng)
        yield cut_out, background, photo, box, int(rng.integers(55, 91))


def composite(
    cut_out: Image.Image, background: Image.Image, rng: Generator
) -> tuple[Image.Image, list[float]]:
    """One photo, 360 to 480 px, and the box of what is visible of the product."""
    size = FRAMES[rng.integers(len(FRAMES))]
    scene = _pixels(view(background, size, rng))
    product = turned_and_scaled(cut_out, size, rng)
    layer = Image.new("RGBA", size)
    layer.paste(product, place(product.size, size, rng))
    rgba = _pixels(layer)
    alpha = rgba[..., 3:] / 255
    box = visible_box(alpha[..., 0])
    colours = matched(rgba[..., :3], scene, box, rng)
    lit = scene * (1 - shadow(alpha[..., 0], box, rng))
    return as_taken(lit * (1 - alpha) + colours * alpha, rng), box


def view(background: Image.Image, size: tuple[int, int], rng: Generator) -> Image.Image:
    """A random piece of the background in the frame's shape, mirrored or not, rarely in focus."""
    wide, high = background.size
    scale = min(wide / size[0], high / size[1]) * rng.uniform(0.65, 1.0)
    width, height = size[0] * scale, size[1] * scale
    left, top = rng.uniform(0, wide - width), rng.uniform(0, high - height)
    piece = background.resize(
        size, Image.Resampling.BICUBIC, (left, top, left + width, top + height)
    )
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return piece.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.6)))


def turned_and_scaled(cut_out: Image.Image, size: tuple[int, int], rng: Generator) -> Image.Image:
    angle = float(np.clip(rng.normal(0, LARGEST_TURN / 2), -LARGEST_TURN, LARGEST_TURN))
    premultiplied = cut_out.convert("RGBa")
    turned = premultiplied.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    bounds = turned.getbbox()
    turned = turned.crop(bounds) if bounds else turned
    smallest, largest = (
        share / max(turned.width / size[0], turned.height / size[1]) for share in SHARE
    )
    zoom = max(smallest, min(rng.uniform(smallest, largest), LARGEST_ZOOM))
    scaled = max(1, round(turned.width * zoom)), max(1, round(turned.height * zoom))
    return turned.resize(scaled, Image.Resampling.LANCZOS).convert("RGBA")


def place(product: tuple[int, int], size: tuple[int, int], rng: Generator) -> tuple[int, int]:
    """Its left upper corner: in the frame, or beyond one edge of it by up to `LARGEST_CUT`.

    Low rather than high, as things stand on floors.
    """
    left = float(rng.uniform(0, size[0] - product[0]))
    top = float(rng.beta(2, 1.2) * (size[1] - product[1]))
    if rng.random() < CUT_ODDS:
        beyond = rng.uniform(0.03, LARGEST_CUT)
        match rng.integers(4):
            case 0:
                left = -beyond * product[0]
            case 1:
                left = size[0] - (1 - beyond) * product[0]
            case 2:
                top = -beyond * product[1]
            case _:
                top = size[1] - (1 - beyond) * product[1]
    return round(left), round(top)


def visible_box(alpha: Pixels) -> list[float]:
    rows = np.flatnonzero((alpha > VISIBLE).any(1))
    columns = np.flatnonzero((alpha > VISIBLE).any(0))
    height, width = alpha.shape
    corner = columns[0] / width, rows[0] / height
    sides = (columns[-1] + 1 - columns[0]) / width, (rows[-1] + 1 - rows[0]) / height
    return [round(float(value), 4) for value in (*corner, *sides)]


def matched(colours: Pixels, scene: Pixels, box: list[float], rng: Generator) -> Pixels:
    """The product's colours, drawn part of the way to the light and tint of what is behind it."""
    height, width = scene.shape[:2]
    top, left = int(box[1] * height), int(box[0] * width)
    behind = scene[top : top + int(box[3] * height) + 1, left : left + int(box[2] * width) + 1]
    tint = behind.mean((0, 1)) + 8
    light = tint.mean()
    gain = (light / 128) ** rng.uniform(0.15, 0.45) * (tint / light) ** rng.uniform(0.1, 0.35)
    return np.asarray(colours * np.clip(gain, 0.6, 1.4))


def shadow(alpha: Pixels, box: list[float], rng: Generator) -> Pixels:
    """How much light is missing, 0 to 1, (height, width, 1): around the product and under it."""
    height, width = alpha.shape
    side = max(box[2] * width, box[3] * height)
    shift = round(side * rng.uniform(-0.06, 0.06)), round(side * rng.uniform(0.0, 0.06))
    around = np.roll(alpha, (shift[1], shift[0]), (0, 1))
    mask = Image.fromarray((around * 255).astype(np.uint8))
    soft = _pixels(mask.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.02, 0.06)))) / 255
    bottom = (box[1] + box[3]) * height
    ys, xs = np.mgrid[:height, :width]
    middle, reach = (box[0] + box[2] / 2) * width, box[2] * width * 0.5
    flat = max(0.12 * side, 4) * rng.uniform(0.6, 1.2)
    distance = ((xs - middle) / max(reach, 4)) ** 2 + ((ys - bottom + flat / 3) / flat) ** 2
    contact = np.exp(-1.5 * distance)
    missing = 1 - (1 - rng.uniform(0.15, 0.4) * soft) * (1 - rng.uniform(0.2, 0.5) * contact)
    return np.asarray(missing[..., None])


def as_taken(pixels: Pixels, rng: Generator) -> Image.Image:
    """The camera's own: white balance, exposure, contrast, a little blur and noise."""
    pixels = pixels * rng.uniform(0.93, 1.07, 3) * rng.uniform(0.85, 1.15)
    pixels = 128 + (pixels - 128) * rng.uniform(0.85, 1.15)
    blurred = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(rng.uniform(0, 1.0))
    )
    noisy = _pixels(blurred) + rng.normal(0, rng.uniform(0, 6), pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cut_outs", type=Path)
    parser.add_argument("backgrounds", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    (options.out / "photos").mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    files = sorted(options.cut_outs.glob("*.png")), sorted(options.backgrounds.glob("*.*"))
    for cut_out, background, photo, box, quality in composites(*files, options.seed):
        file = f"photos/{cut_out.stem}__{background.stem}.jpg"
        photo.save(options.out / file, quality=quality)
        sku = cut_out.stem.rpartition("-")[0]
        facts = {"file": file, "sku": sku, "split": "strange", "scene": False}
        lines.append({**facts, "box": box, "others": []})
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (options.out / "photos.jsonl").write_text(text)


if __name__ == "__main__":
    main()
