"""Transparency, palettes, 16-bit grey, floats and inks decode to the RGB colours that they mean."""

import numpy as np
import pytest
from PIL import Image

from catalog.imaging.image_decoding import decode_image
from tests.catalog.imaging.pictures import RED, WHITE, close, encoded, red_corner, refusal


class TestPixelModes:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
    def test_transparent_pixels_become_white(self, kind):
        image = red_corner().convert("RGBA")
        image.paste((0, 0, 0, 0), (160, 0, 320, 160))

        decoded = decode_image(encoded(image, kind))

        assert close(decoded.getpixel((240, 80)), WHITE)
        assert close(decoded.getpixel((40, 40)), RED)

    def test_half_transparent_black_becomes_middle_grey(self):
        image = Image.new("LA", (4, 4), (0, 128))

        assert decode_image(encoded(image, "PNG")).getpixel((0, 0)) == (127, 127, 127)

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_a_transparent_palette_colour_becomes_white(self, kind):
        image = Image.new("P", (4, 4), 1)
        image.putpalette([255, 0, 0, 0, 0, 255])
        image.putpixel((0, 0), 0)

        decoded = decode_image(encoded(image, kind, transparency=1))

        assert decoded.getpixel((0, 0)) == RED
        assert decoded.getpixel((3, 3)) == WHITE

    @pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (9, 9, 9)), ("1", 0)])
    def test_a_named_transparent_colour_becomes_white(self, mode, colour):
        data = encoded(Image.new(mode, (4, 4), colour), "PNG", transparency=colour)

        assert decode_image(data).getpixel((1, 1)) == WHITE

    @pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "png"])
    def test_sixteen_bit_grey_is_scaled_not_clipped(self, compression):
        ramp = np.tile(np.arange(0, 65536, 257, dtype=np.uint16), (4, 1))
        options = {} if compression == "png" else {"compression": compression}
        kind = "PNG" if compression == "png" else "TIFF"

        decoded = decode_image(encoded(Image.fromarray(ramp), kind, **options))

        assert np.array_equal(np.asarray(decoded)[0, :, 1], np.arange(256))

    def test_dark_sixteen_bit_grey_stays_dark(self):
        dim = Image.fromarray(np.full((4, 4), 2570, dtype=np.uint16))

        assert decode_image(encoded(dim, "PNG")).getpixel((0, 0)) == (10, 10, 10)

    def test_a_transparent_colour_of_sixteen_bits_is_ignored_after_scaling(self):
        grey = Image.fromarray(np.full((4, 4), 25_700, dtype=np.uint16))

        decoded = decode_image(encoded(grey, "PNG", transparency=100))

        assert decoded.getpixel((0, 0)) == (100, 100, 100)

    @pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
    def test_float_grey_reads_by_its_usual_white(self, white):
        ramp = np.linspace(0, white, 256, dtype=np.float32).reshape(16, 16)

        decoded = decode_image(encoded(Image.fromarray(ramp), "TIFF"))

        assert np.abs(np.asarray(decoded)[..., 0].ravel() - np.arange(256.0)).max() <= 1

    def test_float_grey_below_zero_reads_by_its_range(self):
        values = np.array([[-50.0, 0.0, 50.0]], dtype=np.float32)

        decoded = decode_image(encoded(Image.fromarray(values), "TIFF"))

        assert np.asarray(decoded)[0, :, 0].tolist() == [0, 128, 255]

    def test_floats_without_a_range_are_refused(self):
        values = np.array([[np.inf, 0.0]], dtype=np.float32)

        assert refusal(encoded(Image.fromarray(values), "TIFF")).code == "image_unreadable"

    def test_one_bit_is_black_and_white(self):
        image = Image.new("1", (4, 4), 0)
        image.putpixel((0, 0), 1)

        decoded = decode_image(encoded(image, "TIFF"))

        assert (decoded.getpixel((0, 0)), decoded.getpixel((1, 1))) == (WHITE, (0, 0, 0))

    def test_a_cmyk_jpeg_as_adobe_writes_it_is_not_a_negative(self):
        data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
        assert b"Adobe" in data[:64], "the inks are stored inverted"

        assert close(decode_image(data).getpixel((8, 8)), RED)
