"""Composes shoppers' photos from cut-outs of products and backgrounds.

The backgrounds are of many kinds, because an encoder learns the background if there is only one
kind."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from indexing.training.pairs import Item
from indexing.training.pictures.augment import (
    BILINEAR,
    chance,
    degrade_photo,
    distort_cutout,
    draw_box_margins,
    fit_to_square,
    light_from_side,
    recolour_image,
)
from indexing.training.pictures.cutouts import FileCutouts, read_image

BACKGROUNDS = Path(__file__).resolve().parents[1] / "backgrounds"
SYNTHETIC_SHARE = 0.25  # of the backgrounds
MIN_OPAQUE_ALPHA = 100  # of 255
MIN_VISIBLE_SHARE = 0.35  # of an object that has a box

Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2, each 0 to 1."""


def list_backgrounds() -> list[Path]:
    """Returns the files of the backgrounds, without those that are kept to measure on."""
    unseen = (BACKGROUNDS / "unseen.txt").read_text("utf-8").split()
    return [path for path in sorted(BACKGROUNDS.glob("*.webp")) if path.stem not in unseen]


def read_backgrounds() -> list[Image.Image]:
    return [read_image(path) for path in list_backgrounds()]


class ShopperPhotos:
    """Composes photos. `cutouts`: RGBA cut-outs of the views of each product. `backgrounds`:
    RGB."""

    def __init__(
        self, cutouts: Sequence[Sequence[Image.Image]], backgrounds: Sequence[Image.Image]
    ) -> None:
        self._cutouts, self._backgrounds = cutouts, backgrounds

    @classmethod
    def from_items(
        cls, items: Sequence[Item], backgrounds: Sequence[Image.Image]
    ) -> "ShopperPhotos":
        """Cuts the products of a catalogue out of their images."""
        return cls([FileCutouts(item.images) for item in items], backgrounds)

    def make_close_up(self, product: int, view: int, size: int, rng: Random) -> Image.Image:
        """Returns a photo of a product in a square of `size` pixels. Its crop imitates a box that a
        shopper draws."""
        thing = self._render_product(
            self._cutouts[product][view], size * rng.uniform(0.6, 1.0), rng
        )
        left, top, right, bottom = draw_box_margins(rng)
        width = max(16, int(thing.width * (1 + left + right)))
        height = max(16, int(thing.height * (1 + top + bottom)))
        photo = self._pick_background(max(width, height), rng).crop((0, 0, width, height))
        if chance(rng, 0.35):  # another product behind it
            self._paste_intruder(photo, size, rng, reach=0.5)
        place = int(left * thing.width), int(top * thing.height)
        photo = _cast_shadow(photo, thing, place, rng)
        photo.paste(thing, place, thing)
        if chance(rng, 0.25):  # another product in front of it
            self._paste_intruder(photo, size, rng, reach=0.25)
        return fit_to_square(degrade_photo(photo, rng), size)

    def make_scene(self, size: int, rng: Random) -> tuple[Image.Image, list[Corners]]:
        """Returns a photo of up to five products, with a longer side of `size` pixels, and the
        boxes of their visible parts."""
        short = int(size * rng.choice((0.56, 0.75, 0.75, 1.0)))
        width, height = (size, short) if chance(rng, 0.5) else (short, size)
        photo = self._pick_background(size, rng).crop((0, 0, width, height))
        count = rng.choice((0, 1, 1, 1, 2, 3, 4, 5))
        owner = np.zeros((height, width), np.int16)
        areas = []
        for number in range(1, count + 1):
            share = rng.uniform(0.3, 0.95) if count == 1 else rng.uniform(0.15, 0.6)
            product = rng.choice(self._cutouts)
            thing = self._render_product(rng.choice(product), size * share, rng)
            place = _pick_offset(thing.width, width, rng), _pick_offset(thing.height, height, rng)
            photo = _cast_shadow(photo, thing, place, rng)
            photo.paste(thing, place, thing)
            areas.append(_mark_pixels(owner, thing, place, number))
        boxes = [find_visible_box(owner == n, area) for n, area in enumerate(areas, 1)]
        return degrade_photo(photo, rng), [box for box in boxes if box is not None]

    def _render_product(self, cutout: Image.Image, longest: float, rng: Random) -> Image.Image:
        scale = longest / max(cutout.size)
        shape = max(8, int(cutout.width * scale)), max(8, int(cutout.height * scale))
        thing = distort_cutout(cutout.resize(shape, BILINEAR), rng)
        surface = recolour_image(thing.convert("RGB"), rng)
        if chance(rng, 0.35):
            surface = light_from_side(surface, rng)
        surface.putalpha(thing.getchannel("A"))
        return surface

    def _pick_background(self, size: int, rng: Random) -> Image.Image:
        if not self._backgrounds or chance(rng, SYNTHETIC_SHARE):
            return _make_background(size, rng)
        whole = rng.choice(self._backgrounds)
        side = max(40, int(rng.uniform(0.35, 1) * min(whole.size)))
        x, y = rng.randint(0, whole.width - side), rng.randint(0, whole.height - side)
        part = whole.resize((size, size), BILINEAR, box=(x, y, x + side, y + side))
        return recolour_image(ImageOps.mirror(part) if chance(rng, 0.5) else part, rng, 0.8)

    def _paste_intruder(self, photo: Image.Image, size: int, rng: Random, reach: float) -> None:
        """Pastes another product at the left or right edge, up to `reach` of it inside the
        photo."""
        other = self._render_product(
            rng.choice(rng.choice(self._cutouts)), size * rng.uniform(0.3, 0.9), rng
        )
        inside = int(other.width * rng.uniform(0.05, reach))
        x = inside - other.width if chance(rng, 0.5) else photo.width - inside
        photo.paste(other, (x, rng.randint(-other.height // 2, photo.height)), other)


def _make_background(size: int, rng: Random) -> Image.Image:
    """Makes a background of blotches or noise around one colour, sometimes with a floor."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    cells, channels = rng.choice((2, 3, 5, 9, 20, 60)), rng.choice((1, 1, 3))
    base = numbers.integers(20, 236) + numbers.integers(-60, 60, 3)
    spread = rng.choice((6, 15, 30, 60)) * numbers.standard_normal((cells, cells, channels))
    blotches = np.clip(base + spread, 0, 255).astype(np.uint8)
    smooth = rng.choice((Image.Resampling.BICUBIC, BILINEAR, Image.Resampling.NEAREST))
    picture = Image.fromarray(blotches).resize((size, size), smooth)
    if chance(rng, 0.4):
        floor = tuple(int(v) for v in numbers.integers(0, 255, 3))
        top = rng.randint(size // 3, size)
        ImageDraw.Draw(picture).rectangle((0, top, size, size), fill=floor)
    if chance(rng, 0.3):
        edge = tuple(int(v) for v in np.clip(base, 0, 255))
        picture = picture.rotate(rng.uniform(-90, 90), BILINEAR, fillcolor=edge)
    return picture


def _cast_shadow(
    photo: Image.Image, thing: Image.Image, place: tuple[int, int], rng: Random
) -> Image.Image:
    if chance(rng, 0.5):
        return photo
    shape = Image.new("L", photo.size, 0)
    offset = place[0] + rng.randint(-8, 8), place[1] + rng.randint(0, 10)
    shape.paste(thing.getchannel("A"), offset)
    soft = shape.resize((56, 56)).filter(ImageFilter.BoxBlur(2)).resize(photo.size, BILINEAR)
    depth = rng.uniform(0.2, 0.6)
    return Image.composite(
        Image.new("RGB", photo.size), photo, soft.point(lambda value: int(value * depth))
    )


def _pick_offset(length: int, room: int, rng: Random) -> int:
    """Picks the offset of an object of `length` pixels: inside, or cut by an edge by up to an
    eighth."""
    first = int(-0.12 * length)
    return rng.randint(first, max(first, int(room - 0.88 * length)))


def _mark_pixels(owner: np.ndarray, thing: Image.Image, place: tuple[int, int], number: int) -> int:
    """Sets the pixels of `owner` (height, width) that the product covers to `number`, and returns
    their count."""
    height, width = owner.shape
    x, y = place
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + thing.width, width), min(y + thing.height, height)
    if right <= left or bottom <= top:
        return 0
    opaque = np.asarray(thing.getchannel("A")) > MIN_OPAQUE_ALPHA
    inside = opaque[top - y : bottom - y, left - x : right - x]
    owner[top:bottom, left:right][inside] = number
    return int(inside.sum())


def find_visible_box(mask: np.ndarray, area: int) -> Corners | None:
    """Returns the box of the pixels of `mask`, or None if too little of an object of `area` pixels
    is visible."""
    rows, columns = np.nonzero(mask)
    if len(rows) < max(30, MIN_VISIBLE_SHARE * area):
        return None
    height, width = mask.shape
    return (
        float(columns.min() / width),
        float(rows.min() / height),
        float((columns.max() + 1) / width),
        float((rows.max() + 1) / height),
    )
