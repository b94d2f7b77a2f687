"""The embedding of a catalogue photo: the mean of the vectors of its views."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.index.vectors import mean_direction
from catalog.visual.preprocessing import Preprocessing
from indexing.embedding.views import VIEWS, cut_middle, decode_views, encode_views
from tests.indexing.histogram_encoder import HistogramEncoder

INPUT = Preprocessing(64, 64, (0.5,) * 3, (0.5,) * 3, "bilinear", "longest", 255)


@pytest.fixture
def image() -> Image.Image:
    """Red on the left, blue on the right, and a green frame of a tenth."""
    image = Image.new("RGB", (200, 200), "green")
    image.paste("red", (20, 20, 100, 180))
    image.paste("blue", (100, 20, 180, 180))
    return image


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_views_are_the_whole_photo_its_middle_and_its_mirror_image(image: Image.Image) -> None:
    whole, middle, mirrored = decode_views(png(image), INPUT, ImageLimits())

    assert np.array_equal(whole, INPUT.pixels(image))
    assert np.array_equal(mirrored, INPUT.pixels(ImageOps.mirror(image)))
    assert middle[0, 0].tolist() == [255, 0, 0]  # without the frame
    assert middle[-1, -1].tolist() == [0, 0, 255]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 3)])
def test_the_smallest_photos_have_a_middle(size: tuple[int, int]) -> None:
    middle = cut_middle(Image.new("RGB", size))

    assert min(middle.size) >= 1
    assert decode_views(png(Image.new("RGB", size)), INPUT, ImageLimits()).shape[0] == VIEWS


def test_photos_are_encoded_as_the_mean_of_their_views_in_order(image: Image.Image) -> None:
    encoder = HistogramEncoder()
    files = [png(image), png(image.rotate(90)), png(Image.new("RGB", (30, 30), "white"))]
    views = [decode_views(file, encoder.preprocessing, ImageLimits()) for file in files]

    encoded = list(encode_views(encoder, enumerate(views)))

    assert [key for key, _ in encoded] == [0, 1, 2]
    for (_, vector), pixels in zip(encoded, views, strict=True):
        assert vector == pytest.approx(mean_direction(encoder.encode_pixels(pixels)), abs=1e-6)
    assert not np.allclose(encoded[0][1], encoder.encode_pixels(views[0][:1])[0])


def test_a_file_that_is_no_photo_is_refused() -> None:
    with pytest.raises(ImageError):
        decode_views(b"no photo", INPUT, ImageLimits())
