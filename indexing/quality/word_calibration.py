"""Calibrates searches by words: from which cosine on a photo looks as a text says."""

import random
from collections.abc import Sequence

import numpy as np

from catalog.index.live_index import LiveIndex
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store

ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя")
TEXTS_PER_ALPHABET = 60
MIN_WEAK_SHARE = 0.975  # of the made-up texts, which look like no photo
MAX_LETTERS = 10
MIN_LETTERS = 4
PHOTOS = 20  # of which the nearest one counts
TEXTS_PER_STATEMENT = 20
MAX_COSINE = 0.6  # of an encoder that tells texts apart


def measure_word_cosine(index: LiveIndex) -> float | None:
    """Returns the cosine that a share of MIN_WEAK_SHARE of made-up texts stays below with all
    photos; None without photos, or if texts lie so close to photos that none would fit."""
    vectors = index.encode_texts(made_up_texts())
    nearest = np.full(len(vectors), -1.0)
    for start in range(0, len(vectors), TEXTS_PER_STATEMENT):
        part = VectorQuery(index, vectors[start : start + TEXTS_PER_STATEMENT], PHOTOS)
        for found in vector_store().nearest(part):
            place = start + found.number
            nearest[place] = max(nearest[place], found.similarity)
    cosine = float(np.quantile(nearest, MIN_WEAK_SHARE))
    return float(np.nextafter(cosine, np.inf)) if -1.0 < cosine < MAX_COSINE else None


def made_up_texts() -> Sequence[str]:
    """Returns texts of random letters, the same ones each time: half Latin, half Cyrillic; every
    third one has two words."""
    draw = random.Random(7)

    def word(letters: str) -> str:
        return "".join(draw.choices(letters, k=draw.randint(MIN_LETTERS, MAX_LETTERS)))

    return [
        " ".join(word(letters) for _ in range(2 if number % 3 == 0 else 1))
        for letters in ALPHABETS
        for number in range(TEXTS_PER_ALPHABET)
    ]
