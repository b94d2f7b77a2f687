"""Composed photos for training."""

from random import Random

import numpy as np
from PIL import Image, ImageDraw

from indexing.training.pictures.augment import crop_around, fit_to_square
from indexing.training.pictures.cutouts import cut_out, is_on_white
from indexing.training.pictures.shopper_photos import (
    ShopperPhotos,
    find_visible_box,
    read_backgrounds,
)
from indexing.training.pictures.view_photos import vary_view


def draw_on_white(colour: str, size: tuple[int, int] = (120, 90)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((30, 20, 89, 69), fill=colour)
    return image


def make_studio() -> ShopperPhotos:
    cutouts = [[cut_out(draw_on_white(colour))] for colour in ("red", "green", "blue")]
    return ShopperPhotos(cutouts, read_backgrounds()[:20])


def test_a_product_is_cut_out_along_its_edges() -> None:
    cutout = cut_out(draw_on_white("red"))

    assert cutout.mode == "RGBA"
    assert abs(cutout.width - 60) <= 4
    assert abs(cutout.height - 50) <= 4
    assert cutout.getpixel((cutout.width // 2, cutout.height // 2)) == (255, 0, 0, 255)


def test_white_inside_a_product_belongs_to_it() -> None:
    image = draw_on_white("red")
    ImageDraw.Draw(image).rectangle((50, 35, 69, 54), fill="white")

    cutout = cut_out(image)

    assert cutout.getpixel((cutout.width // 2, cutout.height // 2))[3] == 255


def test_a_product_can_be_cut_out_if_the_edge_of_its_image_is_white() -> None:
    shelf = Image.new("RGB", (120, 90), "brown")
    ImageDraw.Draw(shelf).rectangle((30, 20, 89, 69), fill="white")

    assert is_on_white(draw_on_white("red"))
    assert not is_on_white(shelf)


def test_a_varied_view_is_a_square_of_a_part_of_it() -> None:
    view = draw_on_white("red", (96, 300))

    varied = [np.asarray(vary_view(view, 64, Random(seed))) for seed in range(20)]

    assert {photo.shape for photo in varied} == {(64, 64, 3)}
    assert len({photo.tobytes() for photo in varied}) == 20


def test_the_seed_determines_the_photo() -> None:
    first = make_studio().make_close_up(0, 0, 96, Random("a"))
    again = make_studio().make_close_up(0, 0, 96, Random("a"))
    other = make_studio().make_close_up(0, 0, 96, Random("b"))

    assert first.size == (96, 96)
    assert np.array_equal(np.asarray(first), np.asarray(again))
    assert not np.array_equal(np.asarray(first), np.asarray(other))


def test_the_boxes_of_a_scene_lie_in_it() -> None:
    rng, photos = Random(3), make_studio()
    counts = set()
    for _ in range(30):
        photo, boxes = photos.make_scene(160, rng)
        assert max(photo.size) == 160
        counts.add(len(boxes))
        for x1, y1, x2, y2 in boxes:
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1
    assert counts == {0, 1, 2, 3, 4, 5}


def test_a_mostly_hidden_product_has_no_box() -> None:
    mask = np.zeros((50, 100), bool)
    mask[10:20, 20:40] = True

    assert find_visible_box(mask, area=200) == (0.2, 0.2, 0.4, 0.4)
    assert find_visible_box(mask, area=1000) is None


def test_crops_stay_inside_the_photo_and_images_keep_their_aspect_ratio() -> None:
    image = Image.new("RGB", (100, 50), "black")

    part = crop_around(image, (0.5, 0.5, 0.5, 0.5), (0.1, 0.1, 0.1, 0.1))
    assert part.size == (55, 28)

    square = np.asarray(fit_to_square(image, 64))
    assert square.shape == (64, 64, 3)
    assert square[0, 0].tolist() == [255, 255, 255]
    assert square[32, 32].tolist() == [0, 0, 0]


def test_there_are_backgrounds_of_many_kinds() -> None:
    backgrounds = read_backgrounds()

    colours = {tuple(np.asarray(b).mean((0, 1)).astype(int) // 40) for b in backgrounds}
    assert len(backgrounds) == 322  # of 346; the others are kept to measure on
    assert len(colours) == 46
