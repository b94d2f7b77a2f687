"""Given the bytes somebody sent, when they are decoded, then an upright RGB image or a reason."""

import binascii
import io
import pickle
import struct
import threading
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.imaging.image_decoding import ImageError, ImageLimits, crop_to_box, decode_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)
EVERY_FORMAT = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def red_corner(width: int = 320, height: int = 160) -> Image.Image:
    """Blue, wider than high, with the upper left quarter red."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    return image


def turned_camera(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def close(pixel: object, colour: tuple[int, int, int], within: int = 12) -> bool:
    return bool(np.abs(np.subtract(pixel, colour)).max() <= within)


def quarters(image: Image.Image) -> str:
    """The colours of the four quarters, row by row, R or B."""
    w, h = image.size
    centres = [
        (w // 4, h // 4),
        (3 * w // 4, h // 4),
        (w // 4, 3 * h // 4),
        (3 * w // 4, 3 * h // 4),
    ]
    return "".join("R" if image.getpixel(at)[0] > image.getpixel(at)[2] else "B" for at in centres)


def png_chunk(name: bytes, body: bytes) -> bytes:
    checksum = binascii.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body + end


def refusal(data: bytes, **options: object) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(data, **options)
    assert str(caught.value).endswith("."), "a sentence"
    return caught.value


class TestFormats:
    @pytest.mark.parametrize("kind", EVERY_FORMAT)
    def test_every_accepted_format_keeps_its_colours_and_size(self, kind):
        image = decode_image(encoded(red_corner(), kind))

        assert (image.mode, image.size) == ("RGB", (320, 160))
        assert close(image.getpixel((40, 40)), RED)
        assert close(image.getpixel((240, 120)), BLUE)

    @pytest.mark.parametrize(("kind", "brand"), [("HEIF", b"heic"), ("AVIF", b"avif")])
    def test_the_brand_that_heic_and_avif_share_is_read_as_either(self, kind, brand):
        data = encoded(red_corner(), kind)
        assert data[4:12] == b"ftyp" + brand

        assert quarters(decode_image(data[:8] + b"mif1" + data[12:])) == "RBBB"

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO"])
    def test_only_the_first_frame_counts(self, kind):
        later = Image.new("RGB", (320, 160), GREEN)
        data = encoded(red_corner(), kind, save_all=True, append_images=[later])

        assert quarters(decode_image(data)) == "RBBB"

    def test_the_result_is_a_plain_image_that_outlives_its_file_and_says_nothing_of_turning(self):
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
    def test_an_orientation_that_means_nothing_turns_nothing(self, orientation):
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

    def test_a_crop_of_a_reduced_photo_has_the_side_that_was_asked_for(self):
        data = encoded(red_corner(4000, 3000), "JPEG")
        box = (0.25, 0.25, 0.5, 0.5)

        image = decode_image(data, at_least=int(448 / 0.5))

        assert min(crop_to_box(image, box).size) >= 448
        assert quarters(crop_to_box(image, box)) == "RBBB"

    def test_the_pixel_limit_counts_the_pixels_sent_not_the_reduced_ones(self):
        data = encoded(Image.new("RGB", (2000, 1000)), "JPEG")

        error = refusal(data, at_least=100, limits=ImageLimits(max_pixels=1_999_999))

        assert error.code == "image_too_many_pixels"


class TestPixelModes:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
    def test_what_is_transparent_becomes_white(self, kind):
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

    def test_a_transparent_colour_of_sixteen_bits_is_not_taken_for_one_of_eight(self):
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


class TestRefusals:
    def test_nothing_sent(self):
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
    def test_not_a_photo(self, data):
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
    def test_half_a_file(self, kind, kept):
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
    def test_no_pixels_at_all(self, size):
        assert refusal(png_of(*size)).code == "image_unreadable"

    def test_exactly_the_limits_are_fine_and_one_more_is_not(self):
        data = encoded(red_corner(), "PNG")
        just = ImageLimits(max_bytes=len(data), max_pixels=320 * 160)

        assert decode_image(data, limits=just).size == (320, 160)
        too_large = refusal(data, limits=ImageLimits(max_bytes=len(data) - 1))
        assert (too_large.code, too_large.status) == ("image_too_large", 413)

    def test_thirty_megabytes(self):
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
    def test_a_png_with_a_bomb_for_a_comment(self, chunk):
        assert refusal(png_of(8, 8, chunk)).code == "image_unreadable"

    def test_a_jpeg_of_very_many_scans(self):
        data = encoded(red_corner(), "JPEG", progressive=True)
        scan = b"\xff\xda\0\x08\1\1\0\1\x3f\0\0"

        error = refusal(data[:-2] + scan * 101 + data[-2:])

        assert error.code == "image_unreadable"
        assert "scans" in str(error)

    def test_what_follows_a_jpeg_is_not_its_scans(self):
        motion = encoded(red_corner(), "JPEG", progressive=True) + bytes(2) + b"\xff\xda\0\2" * 500

        assert quarters(decode_image(motion)) == "RBBB"

    def test_an_error_survives_the_way_between_processes(self):
        error = pickle.loads(pickle.dumps(refusal(b"")))

        assert (error.code, error.status, str(error)) == (
            "image_missing",
            400,
            "The image is missing or empty; choose a photo to send.",
        )


class TestAnyBytes:
    """However a file was damaged, the answer is an image or an ImageError, and quietly so."""

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
        # Half the blows fall on the first 200 bytes, where the header is.
        place = st.integers(0, len(damaged) - 1) | st.integers(0, min(200, len(damaged) - 1))
        for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)):
            damaged[at] = value
        end = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))

        self.decodes_or_refuses(bytes(damaged[:end]))

    @settings(max_examples=300, deadline=None)
    @given(
        start=st.sampled_from([file[:12] for file in FILES.values()]), rest=st.binary(max_size=200)
    )
    def test_a_good_beginning_and_noise(self, start, rest):
        self.decodes_or_refuses(start + rest)


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


def test_threads_do_not_disturb_one_another():
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
