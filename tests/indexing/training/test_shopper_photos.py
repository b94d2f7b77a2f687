"""Photos that are put together for training."""

from random import Random

import numpy as np
from PIL import Image, ImageDraw

from indexing.training.pictures.augment import cropped_about, fitted
from indexing.training.pictures.cutouts import cut_out
from indexing.training.pictures.shopper_photos import ShopperPhotos, _seen, read_backgrounds


def on_white(colour: str, size: tuple[int, int] = (120, 90)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((30, 20, 89, 69), fill=colour)
    return image


def studio() -> ShopperPhotos:
    cutouts = [[cut_out(on_white(colour))] for colour in ("red", "green", "blue")]
    return ShopperPhotos(cutouts, read_backgrounds()[:20])


def test_a_product_is_cut_to_its_own_edges() -> None:
    cutout = cut_out(on_white("red"))

    assert cutout.mode == "RGBA"
    assert abs(cutout.width - 60) <= 4
    assert abs(cutout.height - 50) <= 4
    assert cutout.getpixel((cutout.width // 2, cutout.height // 2)) == (255, 0, 0, 255)


def test_white_inside_a_product_belongs_to_it() -> None:
    image = on_white("red")
    ImageDraw.Draw(image).rectangle((50, 35, 69, 54), fill="white")

    cutout = cut_out(image)

    assert cutout.getpixel((cutout.width // 2, cutout.height // 2))[3] == 255


def test_one_seed_gives_one_photo() -> None:
    first = studio().close_up(0, 0, 96, Random("a"))
    again = studio().close_up(0, 0, 96, Random("a"))
    other = studio().close_up(0, 0, 96, Random("b"))

    assert first.size == (96, 96)
    assert np.array_equal(np.asarray(first), np.asarray(again))
    assert not np.array_equal(np.asarray(first), np.asarray(other))


def test_boxes_of_a_scene_lie_in_it_about_something() -> None:
    rng, photos = Random(3), studio()
    counts = set()
    for _ in range(30):
        photo, boxes = photos.scene(160, rng)
        assert max(photo.size) == 160
        counts.add(len(boxes))
        for x1, y1, x2, y2 in boxes:
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1
    assert {0, 1} < counts  # scenes of nothing, of one thing, of several


def test_a_thing_that_is_mostly_hidden_is_no_object() -> None:
    mask = np.zeros((50, 100), bool)
    mask[10:20, 20:40] = True

    assert _seen(mask, area=200) == (0.2, 0.2, 0.4, 0.4)
    assert _seen(mask, area=1000) is None


def test_crops_stay_in_the_photo_and_pictures_keep_their_shape() -> None:
    image = Image.new("RGB", (100, 50), "black")

    part = cropped_about(image, (0.5, 0.5, 0.5, 0.5), (0.1, 0.1, 0.1, 0.1))
    assert part.size == (55, 28)

    square = np.asarray(fitted(image, 64))
    assert square.shape == (64, 64, 3)
    assert square[0, 0].tolist() == [255, 255, 255]
    assert square[32, 32].tolist() == [0, 0, 0]


def test_there_are_backgrounds_of_many_kinds() -> None:
    backgrounds = read_backgrounds()

    colours = {tuple(np.asarray(b).mean((0, 1)).astype(int) // 40) for b in backgrounds}
    assert len(backgrounds) >= 150
    assert len(colours) >= 20
