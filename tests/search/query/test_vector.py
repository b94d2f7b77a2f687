"""How much words count beside photos."""

import numpy as np
import pytest

from search.query.vector import WORDS_LENGTH, weigh_words

WORDS = np.array([0.6, 0.8, 0, 0], np.float32)


def photo(words: float) -> np.ndarray:
    """A unit vector whose part for words has this length."""
    return np.array([words, 0, 0, (1 - words**2) ** 0.5], np.float32)


def test_words_count_more_if_photos_keep_less_for_them() -> None:
    assert weigh_words(WORDS, [photo(WORDS_LENGTH)]) == pytest.approx(1)
    assert weigh_words(WORDS, [photo(WORDS_LENGTH / 2)]) == pytest.approx(2)
    assert weigh_words(WORDS, [photo(0.2), photo(0.4)]) == pytest.approx(WORDS_LENGTH / 0.3)
    assert weigh_words(WORDS, [photo(0)]) == pytest.approx(10 * WORDS_LENGTH)


def test_words_that_use_all_numbers_keep_their_weight() -> None:
    assert weigh_words(np.full(4, 0.5, np.float32), [photo(0.2)]) == 1
    assert weigh_words(WORDS, []) == 1
