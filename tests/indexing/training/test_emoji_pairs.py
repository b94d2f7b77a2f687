"""Emoji as image-text pairs."""

from PIL import Image

from indexing.training.pictures.emoji_pairs import NAMES, PICTURES, read_emoji, read_emoji_names


def test_a_hammer_has_pictures_and_names_in_both_languages():
    hammers = [emoji for emoji in read_emoji() if emoji.names_en[0] == "hammer"]

    assert [emoji.file.name for emoji in hammers] == ["1F528-noto.webp", "1F528.webp"]
    assert {emoji.names_ru for emoji in hammers} == {("молоток",)}


def test_every_picture_is_small_rgb_on_white():
    emoji = read_emoji()

    assert len(emoji) == 1658
    for pair in emoji[::50]:
        with Image.open(pair.file) as image:
            assert max(image.size) <= 112
            corner = image.convert("RGB").getpixel((0, 0))
        assert min(corner) > 235, f"{pair.file.name} is not on white"


def test_the_pictures_and_names_are_small():
    assert NAMES.stat().st_size < 600_000
    assert sum(file.stat().st_size for file in PICTURES.iterdir()) < 4_500_000


def test_flags_and_skin_tones_are_left_out():
    emoji = read_emoji_names()

    assert not [one.name for one in emoji if "skin tone" in one.name or one.group == "flags"]
    assert all(one.name and one.name_ru for one in emoji)
