"""Tags are calibrated on the catalogue: a photo gets a tag only if it is right nearly always."""

import numpy as np
import pytest

from catalog.index.photo_tags import read_tagger
from catalog.models import EncoderVersion, Product, Tag, TagCalibration
from indexing.quality import tag_calibration
from indexing.quality.tag_calibration import HeldOut, find_threshold, fit_thresholds
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, photo, rebuild, search_by_photo


def test_the_threshold_is_the_lowest_score_from_which_enough_photos_are_right() -> None:
    scores = np.linspace(1.0, 0.01, 100)
    right = np.arange(100) < 30

    # Wilson's lower bound of 30 of 30 is 0.948, and that of 30 of 31 is 0.898.
    assert find_threshold(scores, right, np.ones(100)) == pytest.approx(0.71)
    assert find_threshold(scores, ~right, np.ones(100)) is None
    # Half of the photos of ten products are no evidence: 10 / (10 + 1.28²) = 0.86.
    assert find_threshold(scores[:20], right[:20], np.full(20, 0.5)) is None
    # A score of less than one half is no agreement, even if it was never wrong.
    assert find_threshold(scores, np.ones(100, bool), np.ones(100)) == pytest.approx(0.5, abs=0.011)
    # Photos with equal scores are given the tag together.
    assert find_threshold(np.full(40, 0.9), np.arange(40) < 20, np.ones(40)) is None
    assert find_threshold(np.empty(0), np.empty(0, bool), np.empty(0)) is None


def test_rare_tags_take_the_common_threshold_unless_their_own_photos_speak_against_it() -> None:
    photos = 60
    scores, right = np.zeros((photos, 5)), np.zeros((photos, 5), bool)
    scores[:40, 0], right[:40, 0] = 0.8, True  # a common tag
    scores[40:43, 1], right[40:43, 1] = 0.9, True  # a rare one, always right
    scores[43:46, 2], right[43:45, 2] = 0.9, True  # a rare one, wrong in one of three
    right[50:52, 3] = True  # one whose photos tell nothing
    # and one of no product

    fitted = fit_thresholds(HeldOut(scores, right, np.ones(photos)), right.sum(axis=0))

    assert [one.threshold for one in fitted] == [0.8, 0.8, None, 0.8, None]
    assert [one.products for one in fitted] == [40, 3, 2, 2, 0]
    assert (fitted[0].share, fitted[0].found) == (1.0, 1.0)
    assert (fitted[3].share, fitted[3].found) == (None, 0.0)


@pytest.mark.usefixtures("empty_shop")
def test_a_search_shows_only_tags_that_photos_show() -> None:
    # Given a shop in which "warm" is a colour, and "gift" is not.
    for name in ("warm", "gift"):
        Tag.objects.create(slug=name, name=name)
    for n in range(48):
        colour, word = ("red", "warm") if n % 2 else ("black", "cold")
        add_product(f"{n}", photo(colour), keywords=[word, "gift"] if n % 4 < 2 else [word])
    rebuild()

    assert [tag.slug for tag, _ in search_by_photo(photo("#f80100")).tags] == ["warm"]
    assert search_by_photo(photo("#030100")).tags == []
    assert search_by_photo(photo("#0000f0")).tags == []  # which is like nothing in the shop


@pytest.mark.usefixtures("empty_shop")
def test_a_shop_without_accepted_tags_shows_none() -> None:
    Tag.objects.create(slug="warm", name="warm", state=Tag.State.PROPOSED)
    for n in range(30):
        add_product(f"{n}", photo("red" if n % 2 else "blue"), keywords=["warm"] if n % 2 else [])

    rebuild()

    assert search_by_photo(photo("red")).tags == []
    assert TagCalibration.objects.get().figures == {}


@pytest.mark.usefixtures("empty_shop")
@pytest.mark.long
def test_each_encoder_has_a_calibration_of_its_own(encoders: dict[str, HistogramEncoder]) -> None:
    Tag.objects.create(slug="warm", name="warm")
    for n in range(60):
        colour = "red" if n % 2 else "blue"
        add_product(f"{n}", photo(colour), keywords=["warm" if n % 2 else "cold"])
    rebuild()
    rebuild("other", publish=False)

    first, second = EncoderVersion.objects.order_by("pk")
    for version, encoder in ((first, encoders["histogram"]), (second, encoders["other"])):
        tagger = read_tagger(version.pk)
        pixels = np.full((1, 32, 32, 3), (255, 0, 0), np.uint8)
        [[(tag, score)]] = tagger.tag_photos(encoder.encode_pixels(pixels), 5)
        assert (tag.slug, score > 0.9) == ("warm", True)

    # A refused tag disappears before anything is calibrated again.
    Tag.objects.update(state=Tag.State.REFUSED)
    assert read_tagger(first.pk).tags == ()


@pytest.mark.usefixtures("empty_shop")
def test_a_large_catalogue_is_sampled_by_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_calibration, "MAX_REFERENCES", 10)
    for n in range(12):
        add_product(f"{n}", photo(n), photo(n + 100), keywords=["thing"])
    add_product("hidden", photo(50), keywords=["thing"], is_visible=False)
    add_product("untold", photo(51))
    rebuild()

    products, photos, vectors = tag_calibration.read_references(EncoderVersion.objects.get())

    assert photos.tolist() == [2] * 5
    assert vectors.shape == (10, 512)
    assert products == sorted(set(products))
    assert Product.objects.filter(pk__in=products, keywords=["thing"], is_visible=True).count() == 5
