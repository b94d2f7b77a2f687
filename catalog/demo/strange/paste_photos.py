"""Pastes cut-outs of products over backgrounds that training never sees.

    python -m catalog.demo.strange.paste_photos CUT_OUTS BACKGROUNDS OUT_FOLDER

CUT_OUTS holds `SKU-N.png` with transparency (see `grab_cut`). BACKGROUNDS holds pictures that are
not in `indexing/training/backgrounds`. The tool writes `photos/SKU-N__BACKGROUND.jpg` to
OUT_FOLDER, and `photos.jsonl` with the box of the product in each photo. The same folders and seed
give the same photos."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.floating[Any]]  # (height, width, channels), 0 to 255; alpha and masks, 0 to 1

FRAMES = ((480, 360), (360, 480), (420, 420), (480, 400), (400, 480))
PRODUCT_SHARE = (0.25, 0.8)  # of the frame's side
MAX_ZOOM = 2.0  # of the cut-out; beyond it, the product is blurred
CUT_SHARE, MAX_CUT = 0.3, 0.15  # of the photos; of the product's side, beyond the frame's edge
MAX_ROTATION = 12.0  # degrees
MIN_ALPHA = 0.3  # of a pixel that belongs to the product


def compose_photos(
    cut_outs: list[Path], backgrounds: list[Path], seed: int
) -> Iterator[tuple[Path, Path, Image.Image, list[float], int]]:
    """Yields for each cut-out: its file, the background's file, the photo, the product's box, and
    the JPEG quality.

    The box is x, y, width, height as shares of the photo. Backgrounds take turns in a random order,
    so that each is used about equally often.
    """
    rng = np.random.default_rng(seed)
    turns: list[int] = []
    for cut_out in cut_outs:
        turns = turns or list(rng.permutation(len(backgrounds)))
        background = backgrounds[turns.pop()]
        photo, box = compose_photo(Image.open(cut_out), Image.open(background).convert("RGB"), rng)
        yield cut_out, background, photo, box, int(rng.integers(55, 91))


def compose_photo(
    cut_out: Image.Image, background: Image.Image, rng: Generator
) -> tuple[Image.Image, list[float]]:
    """Returns a photo of 360 to 480 px, and the box of the visible part of the product."""
    size = FRAMES[rng.integers(len(FRAMES))]
    scene = _pixels(crop_background(background, size, rng))
    product = rotate_and_scale(cut_out, size, rng)
    layer = Image.new("RGBA", size)
    layer.paste(product, choose_corner(product.size, size, rng))
    rgba = _pixels(layer)
    alpha = rgba[..., 3:] / 255
    box = find_visible_box(alpha[..., 0])
    colours = match_light(rgba[..., :3], scene, box, rng)
    lit = scene * (1 - cast_shadow(alpha[..., 0], box, rng))
    return apply_camera(lit * (1 - alpha) + colours * alpha, rng), box


def crop_background(background: Image.Image, size: tuple[int, int], rng: Generator) -> Image.Image:
    """Crops a random part of the background to the frame, mirrored at random and a little
    blurred."""
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


def rotate_and_scale(cut_out: Image.Image, size: tuple[int, int], rng: Generator) -> Image.Image:
    angle = float(np.clip(rng.normal(0, MAX_ROTATION / 2), -MAX_ROTATION, MAX_ROTATION))
    premultiplied = cut_out.convert("RGBa")
    turned = premultiplied.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    bounds = turned.getbbox()
    turned = turned.crop(bounds) if bounds else turned
    smallest, largest = (
        share / max(turned.width / size[0], turned.height / size[1]) for share in PRODUCT_SHARE
    )
    zoom = max(smallest, min(rng.uniform(smallest, largest), MAX_ZOOM))
    scaled = max(1, round(turned.width * zoom)), max(1, round(turned.height * zoom))
    return turned.resize(scaled, Image.Resampling.LANCZOS).convert("RGBA")


def choose_corner(
    product: tuple[int, int], size: tuple[int, int], rng: Generator
) -> tuple[int, int]:
    """Chooses the upper left corner of the product: inside the frame, or beyond one edge by up to
    `MAX_CUT`. Low positions are more likely, because things stand on floors.
    """
    left = float(rng.uniform(0, size[0] - product[0]))
    top = float(rng.beta(2, 1.2) * (size[1] - product[1]))
    if rng.random() < CUT_SHARE:
        beyond = rng.uniform(0.03, MAX_CUT)
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


def find_visible_box(alpha: Pixels) -> list[float]:
    rows = np.flatnonzero((alpha > MIN_ALPHA).any(1))
    columns = np.flatnonzero((alpha > MIN_ALPHA).any(0))
    height, width = alpha.shape
    corner = columns[0] / width, rows[0] / height
    sides = (columns[-1] + 1 - columns[0]) / width, (rows[-1] + 1 - rows[0]) / height
    return [round(float(value), 4) for value in (*corner, *sides)]


def match_light(colours: Pixels, scene: Pixels, box: list[float], rng: Generator) -> Pixels:
    """Moves the product's colours part of the way to the light and the tint of the background."""
    height, width = scene.shape[:2]
    top, left = int(box[1] * height), int(box[0] * width)
    behind = scene[top : top + int(box[3] * height) + 1, left : left + int(box[2] * width) + 1]
    tint = behind.mean((0, 1)) + 8
    light = tint.mean()
    gain = (light / 128) ** rng.uniform(0.15, 0.45) * (tint / light) ** rng.uniform(0.1, 0.35)
    return np.asarray(colours * np.clip(gain, 0.6, 1.4))


def cast_shadow(alpha: Pixels, box: list[float], rng: Generator) -> Pixels:
    """Returns the share of light that the product takes away around and below itself, (height,
    width, 1)."""
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


def apply_camera(pixels: Pixels, rng: Generator) -> Image.Image:
    """Adds what a camera adds: white balance, exposure, contrast, a little blur and noise."""
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
    for cut_out, background, photo, box, quality in compose_photos(*files, options.seed):
        file = f"photos/{cut_out.stem}__{background.stem}.jpg"
        photo.save(options.out / file, quality=quality)
        sku = cut_out.stem.rpartition("-")[0]
        facts = {"file": file, "sku": sku, "split": "strange", "scene": False}
        lines.append({**facts, "box": box, "others": []})
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (options.out / "photos.jsonl").write_text(text)


if __name__ == "__main__":
    main()
