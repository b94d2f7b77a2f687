"""Files that are no photos, are damaged or are too large raise an ImageError with a sentence."""

import pickle
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.imaging.image_decoding import ImageError, ImageLimits, decode_image
from tests.catalog.imaging.pictures import (
    EVERY_FORMAT,
    encoded,
    png_chunk,
    png_of,
    quarters,
    red_corner,
    refusal,
    turned_camera,
)


class TestRefusals:
    def test_empty_bytes_are_refused(self):
        error = refusal(b"")

        assert (error.code, error.status) == ("image_missing", 400)

    @pytest.mark.parametrize(
        "data",
        [
            b"Good day, do you have this in green?",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
            b"PK\x03\x04" + bytes(40),
            b"\0\0\0\x18ftypmp42" + bytes(40),
            b"8BPS\0\1" + bytes(40),
            bytes(100),
            b"\xff",
        ],
    )
    def test_a_file_that_is_not_a_photo_is_refused(self, data):
        error = refusal(data)

        assert (error.code, error.status) == ("image_type_unsupported", 415)
        assert "JPEG, PNG, WebP, HEIC or AVIF" in str(error)

    @pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "JPEG2000", "PDF", "PCX"])
    def test_formats_that_pillow_reads_but_we_do_not(self, kind):
        assert refusal(encoded(red_corner(64, 64), kind)).code == "image_type_unsupported"

    def test_svg_is_named(self):
        error = refusal(b"<?xml version='1.0'?>\n<!-- logo -->\n<SVG xmlns='http://www.w3.org'/>")

        assert error.code == "image_type_unsupported"
        assert "SVG" in str(error)
        assert "send JPEG, PNG, WebP, HEIC or AVIF" in str(error)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
    @pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
    def test_half_a_file_is_refused(self, kind, kept):
        noise = np.random.default_rng(3).integers(0, 255, (80, 80, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)

        error = refusal(data[: max(16, int(len(data) * kept))])

        assert (error.code, error.status) == ("image_unreadable", 400)

    @pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (10_000, 9_000)])
    def test_a_huge_png_is_refused_by_its_header(self, size):
        tracemalloc.start()
        try:
            error = refusal(png_of(*size))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert (error.code, error.status) == ("image_too_many_pixels", 413)
        assert "40 megapixels" in str(error)
        assert peak < 5_000_000

    def test_no_pixel_of_a_refused_photo_is_decoded(self, monkeypatch):
        data = encoded(red_corner(), "PNG")
        monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))

        error = refusal(data, limits=ImageLimits(max_pixels=51_199))

        assert error.code == "image_too_many_pixels"

    @pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
    def test_a_photo_without_pixels_is_refused(self, size):
        assert refusal(png_of(*size)).code == "image_unreadable"

    def test_the_limits_are_inclusive(self):
        data = encoded(red_corner(), "PNG")
        just = ImageLimits(max_bytes=len(data), max_pixels=320 * 160)

        assert decode_image(data, limits=just).size == (320, 160)
        too_large = refusal(data, limits=ImageLimits(max_bytes=len(data) - 1))
        assert (too_large.code, too_large.status) == ("image_too_large", 413)

    def test_a_file_of_thirty_megabytes_is_refused(self):
        error = refusal(encoded(red_corner(), "PNG") + bytes(30 * 1024**2))

        assert error.code == "image_too_large"
        assert "15 MB" in str(error)

    @pytest.mark.parametrize(
        "chunk",
        [
            png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(80_000_000))),
            png_chunk(b"iCCP", b"key\0\0" + zlib.compress(bytes(80_000_000))),
            png_chunk(b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(80_000_000))),
        ],
        ids=["zTXt", "iCCP", "iTXt"],
    )
    def test_a_png_with_a_decompression_bomb_in_a_comment_is_refused(self, chunk):
        assert refusal(png_of(8, 8, chunk)).code == "image_unreadable"

    def test_a_jpeg_with_too_many_scans_is_refused(self):
        data = encoded(red_corner(), "JPEG", progressive=True)
        scan = b"\xff\xda\0\x08\1\1\0\1\x3f\0\0"

        error = refusal(data[:-2] + scan * 101 + data[-2:])

        assert error.code == "image_unreadable"
        assert "scans" in str(error)

    def test_data_after_the_end_of_a_jpeg_does_not_count_as_scans(self):
        motion = encoded(red_corner(), "JPEG", progressive=True) + bytes(2) + b"\xff\xda\0\2" * 500

        assert quarters(decode_image(motion)) == "RBBB"

    def test_an_error_can_be_pickled(self):
        error = pickle.loads(pickle.dumps(refusal(b"")))

        assert (error.code, error.status, str(error)) == (
            "image_missing",
            400,
            "The image is missing or empty; choose a photo to send.",
        )


class TestAnyBytes:
    """Any damage to a file gives an image or an ImageError, without warnings."""

    FILES = {kind: encoded(red_corner(48, 32), kind) for kind in EVERY_FORMAT}
    FILES["turned JPEG"] = encoded(red_corner(48, 32), "JPEG", exif=turned_camera(6))
    FILES["progressive JPEG"] = encoded(red_corner(48, 32), "JPEG", progressive=True)
    FILES["palette PNG"] = encoded(red_corner(48, 32).convert("P"), "PNG", transparency=0)
    FILES["LZW TIFF"] = encoded(red_corner(48, 32), "TIFF", compression="tiff_lzw")
    FILES["JPEG TIFF"] = encoded(red_corner(48, 32), "TIFF", compression="jpeg")
    FILES["moving WEBP"] = encoded(
        red_corner(48, 32), "WEBP", save_all=True, append_images=[Image.new("RGB", (48, 32))]
    )

    @staticmethod
    def decodes_or_refuses(data: bytes) -> None:
        try:
            image = decode_image(data, at_least=16)
        except ImageError:
            return
        assert image.mode == "RGB"
        assert image.width * image.height <= 40_000_000

    @pytest.mark.parametrize("name", FILES)
    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def test_flipped_bytes_and_cut_ends(self, name, data):
        damaged = bytearray(self.FILES[name])
        # Half of the damage is in the first 200 bytes, where the header is.
        place = st.integers(0, len(damaged) - 1) | st.integers(0, min(200, len(damaged) - 1))
        for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)):
            damaged[at] = value
        end = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))

        self.decodes_or_refuses(bytes(damaged[:end]))

    @settings(max_examples=300, deadline=None)
    @given(
        start=st.sampled_from([file[:12] for file in FILES.values()]), rest=st.binary(max_size=200)
    )
    def test_noise_after_a_valid_start_is_decoded_or_refused(self, start, rest):
        self.decodes_or_refuses(start + rest)
