"""Every accepted format decodes to an upright RGB image, reduced and cropped as asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.imaging.image_decoding import ImageLimits, crop_to_box, decode_image
from tests.catalog.imaging.pictures import (
    BLUE,
    EVERY_FORMAT,
    GREEN,
    RED,
    close,
    encoded,
    quarters,
    red_corner,
    refusal,
    turned_camera,
)


class TestFormats:
    @pytest.mark.parametrize("kind", EVERY_FORMAT)
    def test_every_accepted_format_keeps_its_colours_and_size(self, kind):
        image = decode_image(encoded(red_corner(), kind))

        assert (image.mode, image.size) == ("RGB", (320, 160))
        assert close(image.getpixel((40, 40)), RED)
        assert close(image.getpixel((240, 120)), BLUE)

    @pytest.mark.parametrize(("kind", "brand"), [("HEIF", b"heic"), ("AVIF", b"avif")])
    def test_a_brand_shared_by_heic_and_avif_is_read_as_both(self, kind, brand):
        data = encoded(red_corner(), kind)
        assert data[4:12] == b"ftyp" + brand

        assert quarters(decode_image(data[:8] + b"mif1" + data[12:])) == "RBBB"

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO"])
    def test_only_the_first_frame_counts(self, kind):
        later = Image.new("RGB", (320, 160), GREEN)
        data = encoded(red_corner(), kind, save_all=True, append_images=[later])

        assert quarters(decode_image(data)) == "RBBB"

    def test_the_result_is_a_plain_image_without_metadata(self):
        data = encoded(red_corner(), "JPEG", exif=turned_camera(1), dpi=(72, 72))

        image = decode_image(data)

        assert type(image) is Image.Image
        assert image.info == {}
        assert (
            0x0112
            not in decode_image(encoded(red_corner(), "PNG", exif=turned_camera(6))).getexif()
        )


class TestOrientation:
    # How EXIF (2.32, tag 0x0112) places row 0 and column 0: where does the red quarter go?
    UPRIGHT = [(1, "RBBB"), (2, "BRBB"), (3, "BBBR"), (4, "BBRB")]
    UPRIGHT += [(5, "RBBB"), (6, "BRBB"), (7, "BBBR"), (8, "BBRB")]

    @pytest.mark.parametrize(("orientation", "expected"), UPRIGHT)
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
    def test_all_eight_orientations_come_out_upright(self, kind, orientation, expected):
        photo = red_corner()
        photo.info["exif"] = turned_camera(orientation).tobytes()  # HEIF: as boxes irot and imir
        data = encoded(photo, kind, exif=photo.info["exif"])

        image = decode_image(data)

        assert image.size == ((320, 160) if orientation < 5 else (160, 320))
        assert quarters(image) == expected

    def test_a_heic_turns_by_its_own_boxes_and_never_by_its_exif(self):
        data = encoded(red_corner(), "HEIF", exif=turned_camera(6))
        assert b"irot" not in data

        assert quarters(decode_image(data)) == "RBBB"

    @pytest.mark.parametrize(("orientation", "expected"), UPRIGHT)
    def test_a_reduced_jpeg_is_turned_too(self, orientation, expected):
        data = encoded(red_corner(), "JPEG", exif=turned_camera(orientation))

        image = decode_image(data, at_least=40)

        assert image.size == ((80, 40) if orientation < 5 else (40, 80))
        assert quarters(image) == expected

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x"]
    )
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_broken_exif_does_not_spoil_a_good_photo(self, kind, exif):
        assert quarters(decode_image(encoded(red_corner(), kind, exif=exif))) == "RBBB"

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_invalid_orientation_is_ignored(self, orientation):
        data = encoded(red_corner(), "JPEG", exif=turned_camera(orientation))

        assert quarters(decode_image(data)) == "RBBB"


class TestReducedScale:
    @pytest.mark.parametrize(
        ("size", "at_least", "expected"),
        [
            ((4000, 3000), None, (4000, 3000)),
            ((4000, 3000), 448, (1000, 750)),
            ((4000, 3000), 375, (500, 375)),
            ((4000, 3000), 376, (1000, 750)),
            ((4000, 3000), 2000, (4000, 3000)),
            ((1001, 901), 450, (501, 451)),
            ((300, 200), 448, (300, 200)),
            ((4000, 500), 448, (4000, 500)),
        ],
    )
    def test_a_jpeg_shrinks_as_far_as_both_sides_stay_long_enough(self, size, at_least, expected):
        data = encoded(Image.new("RGB", size, GREEN), "JPEG")

        image = decode_image(data, at_least=at_least)

        assert image.size == expected
        assert close(image.getpixel((5, 5)), GREEN)

    def test_a_crop_of_a_reduced_photo_has_the_requested_side(self):
        data = encoded(red_corner(4000, 3000), "JPEG")
        box = (0.25, 0.25, 0.5, 0.5)

        image = decode_image(data, at_least=int(448 / 0.5))

        assert min(crop_to_box(image, box).size) >= 448
        assert quarters(crop_to_box(image, box)) == "RBBB"

    def test_the_pixel_limit_counts_the_original_pixels(self):
        data = encoded(Image.new("RGB", (2000, 1000)), "JPEG")

        error = refusal(data, at_least=100, limits=ImageLimits(max_pixels=1_999_999))

        assert error.code == "image_too_many_pixels"


class TestCropToBox:
    def test_the_box_is_in_fractions_of_the_upright_image(self):
        cut = crop_to_box(red_corner(), (0.25, 0.25, 0.5, 0.5))

        assert cut.size == (160, 80)
        assert quarters(cut) == "RBBB"

    def test_the_whole_image(self):
        assert crop_to_box(red_corner(), (0, 0, 1, 1)).size == (320, 160)

    @pytest.mark.parametrize(
        "box", [(0, 0, 0, 0), (1, 1, 0, 0), (0.5, 0.5, 1e-9, 1e-9), (1, 1, 1, 1)]
    )
    def test_at_least_one_pixel_remains(self, box):
        assert crop_to_box(red_corner(), box).size == (1, 1)

    @given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 40), st.integers(1, 40))
    def test_a_crop_never_leaves_the_image(self, box, width, height):
        white = Image.new("L", (width, height), 255)

        cut = crop_to_box(white, box)

        assert 1 <= cut.width <= width
        assert 1 <= cut.height <= height
        assert cut.getextrema() == (255, 255), "pixels from outside would be black"


def test_threads_decode_independently():
    files = [
        encoded(red_corner(), kind, exif=turned_camera(turn))
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")
        for turn in (1, 6)
    ]
    alone = [decode_image(file).tobytes() for file in files]
    ready = threading.Barrier(8)

    def decode_all(_: int) -> list[bytes]:
        ready.wait()
        return [decode_image(file).tobytes() for file in files]

    with ThreadPoolExecutor(8) as pool:
        assert all(together == alone for together in pool.map(decode_all, range(8)))
