"""A photo has the tags of the products that look most like it."""

import numpy as np
import pytest

from catalog.index.photo_tags import NO_TAGGER, PhotoTagger, References
from catalog.models import Tag

WIDTH = 0.04  # 0.08 of the distance from the background, 0.5, to 1


def unit(cosine: float) -> list[float]:
    """Returns a unit vector with this cosine to (1, 0)."""
    return [cosine, np.sqrt(1 - cosine**2)]


@pytest.fixture
def references() -> References:
    """Two photos of a red boot, one of a red hat, and one of a blue hat."""
    return References(
        np.array([unit(0.6), unit(0.8), unit(0.7), unit(0.5)], np.float32),
        np.array([2, 1, 1]),
        np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]], np.float32),
        0.5,
    )


def test_the_best_photo_of_each_product_counts(references: References) -> None:
    query = np.array([[1.0, 0.0]], np.float32)

    assert references.cosines(query) == pytest.approx(np.array([[0.8, 0.7, 0.5]]))


def test_products_weigh_the_more_the_more_alike_they_are(references: References) -> None:
    [scores] = references.score(np.array([[0.54, 0.5, 0.46]]))

    # The weights are e, 1 and 1 / e, and 1 for the product without tags.
    every = np.e + 1 + 1 / np.e + 1
    assert scores == pytest.approx([(np.e + 1) / every, np.e / every, (1 + 1 / np.e) / every])


def test_a_photo_that_is_like_nothing_has_low_scores(references: References) -> None:
    assert references.score(np.array([[0.1, 0.1, 0.1]])).max() < 0.001
    assert references.score(np.array([[-np.inf] * 3])).max() == 0


def test_tags_are_given_from_their_thresholds_the_best_first(references: References) -> None:
    tags = tuple(Tag(pk=n, slug=slug) for n, slug in enumerate(["red", "boot", "hat"]))
    query = np.array([[1.0, 0.0], unit(0.5)], np.float32)

    def given(thresholds: list[float], count: int = 5) -> list[list[str]]:
        tagger = PhotoTagger(tags, np.array(thresholds), references)
        return [[tag.slug for tag, _ in found] for found in tagger.tag_photos(query, count)]

    assert given([0.5, 0.5, 0.5]) == [["red", "boot"], ["hat", "red"]]
    assert given([0.5, 0.99, 0.5])[0] == ["red"]
    assert given([0.5, 0.5, 0.5], count=1)[0] == ["red"]
    assert NO_TAGGER.tag_photos(query, 5) == [[], []]
