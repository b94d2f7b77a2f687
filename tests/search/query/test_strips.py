"""Photos that are much longer than wide: nobody can tell what they show."""

from PIL import Image

from catalog.detection.photo_analysis import analyse_photos, choose_targets
from tests.search.colour_spotter import ColourSpotter


def test_a_photo_much_longer_than_wide_is_a_strip_but_a_box_of_one_is_not(
    spotter: ColourSpotter,
) -> None:
    photos = [Image.new("RGB", size, "red") for size in ((400, 100), (100, 399), (90, 400))]

    alone = [analyse_photos([photo], False, spotter)[0].is_strip for photo in photos]
    boxed = analyse_photos(photos[:1], True, spotter)[0]
    together = choose_targets(analyse_photos(photos, False, spotter))

    assert alone == [True, False, True]
    assert not boxed.is_strip
    assert [target.is_strip for target in together] == [True]
