"""Photos as shoppers might take them, put together from products that are cut out and from
backgrounds of many kinds: an encoder trained over backgrounds of one kind learns that kind."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from indexing.training.pairs import Item
from indexing.training.pictures.augment import (
    BILINEAR,
    chance,
    fitted,
    lit_from_a_side,
    loose_margins,
    photographed,
    recoloured,
    turned,
)
from indexing.training.pictures.cutouts import cut_out, read_image

BACKGROUNDS = Path(__file__).resolve().parents[1] / "backgrounds"
MADE_UP = 0.25  # share of backgrounds that are made up
OPAQUE = 100  # of 255
LEAST_VISIBLE = 0.35  # of a thing, below which it is no object to be found

Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2, each 0 to 1."""


def read_backgrounds(folder: Path = BACKGROUNDS) -> list[Image.Image]:
    return [read_image(path) for path in sorted(folder.glob("*.webp"))]


class ShopperPhotos:
    """`cutouts`: for each product the RGBA cut-outs of its views; `backgrounds`: RGB."""

    def __init__(
        self, cutouts: Sequence[Sequence[Image.Image]], backgrounds: Sequence[Image.Image]
    ) -> None:
        self._cutouts, self._backgrounds = cutouts, backgrounds

    @classmethod
    def of(cls, items: Sequence[Item], backgrounds: Sequence[Image.Image]) -> "ShopperPhotos":
        """With the products of a catalogue, cut out of their images."""
        cutouts = [[cut_out(read_image(path)) for path in item.images] for item in items]
        return cls(cutouts, backgrounds)

    def close_up(self, product: int, view: int, size: int, rng: Random) -> Image.Image:
        """What a box drawn about a product gives, fitted into a square of `size` pixels."""
        thing = self._thing(self._cutouts[product][view], size * rng.uniform(0.6, 1.0), rng)
        left, top, right, bottom = loose_margins(rng)
        width = max(16, int(thing.width * (1 + left + right)))
        height = max(16, int(thing.height * (1 + top + bottom)))
        photo = self._background(max(width, height), rng).crop((0, 0, width, height))
        if chance(rng, 0.35):  # something behind it
            self._intrude(photo, size, rng, reach=0.5)
        place = int(left * thing.width), int(top * thing.height)
        photo = _with_shadow(photo, thing, place, rng)
        photo.paste(thing, place, thing)
        if chance(rng, 0.25):  # something before it
            self._intrude(photo, size, rng, reach=0.25)
        return fitted(photographed(photo, rng), size)

    def scene(self, size: int, rng: Random) -> tuple[Image.Image, list[Corners]]:
        """A photo of none to five things, its longer side of `size` pixels, and the boxes about
        what is seen of each."""
        short = int(size * rng.choice((0.56, 0.75, 0.75, 1.0)))
        width, height = (size, short) if chance(rng, 0.5) else (short, size)
        photo = self._background(size, rng).crop((0, 0, width, height))
        count = rng.choice((0, 1, 1, 1, 2, 3, 4, 5))
        owner = np.zeros((height, width), np.int16)
        areas = []
        for number in range(1, count + 1):
            share = rng.uniform(0.3, 0.95) if count == 1 else rng.uniform(0.15, 0.6)
            product = rng.choice(self._cutouts)
            thing = self._thing(rng.choice(product), size * share, rng)
            place = _place(thing.width, width, rng), _place(thing.height, height, rng)
            photo = _with_shadow(photo, thing, place, rng)
            photo.paste(thing, place, thing)
            areas.append(_claim(owner, thing, place, number))
        boxes = [_seen(owner == n, area) for n, area in enumerate(areas, 1)]
        return photographed(photo, rng), [box for box in boxes if box is not None]

    def _thing(self, cutout: Image.Image, longest: float, rng: Random) -> Image.Image:
        scale = longest / max(cutout.size)
        shape = max(8, int(cutout.width * scale)), max(8, int(cutout.height * scale))
        thing = turned(cutout.resize(shape, BILINEAR), rng)
        surface = recoloured(thing.convert("RGB"), rng)
        if chance(rng, 0.35):
            surface = lit_from_a_side(surface, rng)
        surface.putalpha(thing.getchannel("A"))
        return surface

    def _background(self, size: int, rng: Random) -> Image.Image:
        if not self._backgrounds or chance(rng, MADE_UP):
            return _made_up(size, rng)
        whole = rng.choice(self._backgrounds)
        side = max(40, int(rng.uniform(0.35, 1) * min(whole.size)))
        x, y = rng.randint(0, whole.width - side), rng.randint(0, whole.height - side)
        part = whole.resize((size, size), BILINEAR, box=(x, y, x + side, y + side))
        return recoloured(ImageOps.mirror(part) if chance(rng, 0.5) else part, rng, 0.8)

    def _intrude(self, photo: Image.Image, size: int, rng: Random, reach: float) -> None:
        """Pastes another thing so that up to `reach` of it comes in from the left or right."""
        other = self._thing(
            rng.choice(rng.choice(self._cutouts)), size * rng.uniform(0.3, 0.9), rng
        )
        inside = int(other.width * rng.uniform(0.05, reach))
        x = inside - other.width if chance(rng, 0.5) else photo.width - inside
        photo.paste(other, (x, rng.randint(-other.height // 2, photo.height)), other)


def _made_up(size: int, rng: Random) -> Image.Image:
    """Blotches, stripes of a floor, or pixels of noise about one colour."""
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


def _with_shadow(
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


def _place(length: int, room: int, rng: Random) -> int:
    """Where a thing begins: inside, or cut by an edge by up to an eighth."""
    first = int(-0.12 * length)
    return rng.randint(first, max(first, int(room - 0.88 * length)))


def _claim(owner: np.ndarray, thing: Image.Image, place: tuple[int, int], number: int) -> int:
    """Marks the pixels of `owner` (height, width) that the thing covers; gives how many."""
    height, width = owner.shape
    x, y = place
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + thing.width, width), min(y + thing.height, height)
    if right <= left or bottom <= top:
        return 0
    opaque = np.asarray(thing.getchannel("A")) > OPAQUE
    inside = opaque[top - y : bottom - y, left - x : right - x]
    owner[top:bottom, left:right][inside] = number
    return int(inside.sum())


def _seen(mask: np.ndarray, area: int) -> Corners | None:
    rows, columns = np.nonzero(mask)
    if len(rows) < max(30, LEAST_VISIBLE * area):
        return None
    height, width = mask.shape
    return (
        float(columns.min() / width),
        float(rows.min() / height),
        float((columns.max() + 1) / width),
        float((rows.max() + 1) / height),
    )
