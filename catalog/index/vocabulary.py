"""The vocabulary of tags in an encoder's space, and which tags fit an image or a text."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from catalog.models import Tag
from catalog.models.product import content_hash
from catalog.visual.encoder import Encoder

PROMPTS = ("{}", "a photo of a {}", "a {} on a white background")
MAX_AGE_S = 60.0  # of a cached vocabulary
TEMPERATURE = 0.03  # of the softmax
MIN_SCORE = 0.05  # of the tags of a photo


@dataclass(frozen=True)
class Vocabulary:
    """`tags` and their unit vectors, float32 (n, dimensions), in the same order."""

    tags: tuple[Tag, ...]
    vectors: np.ndarray
    encoder_checksum: str = ""

    @cached_property
    def checksum(self) -> str:
        """A checksum of the names of the tags in both languages, and of the encoder."""
        return _checksum(self.tags, self.encoder_checksum)

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Scores the tags for unit image vectors (n, d) → (n, tags), each row with the sum 1.

        They are a softmax over the vocabulary, as in CLIP's zero-shot classification (Radford,
        2021).
        """
        logits = images @ self.vectors.T / TEMPERATURE
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def best_tags(self, image: np.ndarray, count: int) -> list[tuple[Tag, float]]:
        """Returns the `count` best tags of a unit vector (d,), with scores of at least
        MIN_SCORE."""
        return self.best_tags_of_each(image[None], count)[0]

    def best_tags_of_each(self, images: np.ndarray, count: int) -> list[list[tuple[Tag, float]]]:
        """Does the same as `best_tags` for each of the unit vectors (n, d)."""
        if not self.tags:
            return [[] for _ in images]
        scores = self.scores(images)
        order = np.argsort(-scores, axis=1)[:, :count]
        fits = np.take_along_axis(scores, order, axis=1)
        return [
            [(self.tags[i], fit) for i, fit in zip(*row, strict=True) if fit >= MIN_SCORE]
            for row in zip(order.tolist(), fits.tolist(), strict=True)
        ]

    def find_named(self, texts: Iterable[str]) -> list[Tag]:
        """Returns the tags whose English or Russian name is in one of `texts`, in whole words."""
        found: set[int] = set()
        for text in texts:
            words = normalise(text).split()
            for length in self._lengths:
                for start in range(len(words) - length + 1):
                    found.update(self._by_name.get(" ".join(words[start : start + length]), ()))
        return [self.tags[i] for i in sorted(found)]

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Maps normalised names, in either language, to positions in `tags`."""
        positions: dict[str, list[int]] = {}
        for i, tag in enumerate(self.tags):
            for name in filter(None, {normalise(tag.name), normalise(tag.name_ru)}):
                positions.setdefault(name, []).append(i)
        return positions

    @cached_property
    def _lengths(self) -> list[int]:
        """The numbers of words in the names."""
        return sorted({len(name.split()) for name in self._by_name})


def normalise(text: str) -> str:
    """Returns the words in lower case, with ё as е and without the s of English plurals."""
    words = re.findall(r"\w+", text.lower().replace("ё", "е"))
    return " ".join(w[:-1] if len(w) > 3 and w.endswith("s") and w.isascii() else w for w in words)


def vocabulary_for(encoder: Encoder) -> Vocabulary:
    """Returns the active tags in the encoder's space, cached for MAX_AGE_S."""
    return _vocabulary(encoder, int(time.monotonic() / MAX_AGE_S))


def vocabulary_checksum(encoder_checksum: str) -> str:
    """Returns the checksum of the present vocabulary for an encoder. Encodes nothing."""
    return _checksum(_active_tags(), encoder_checksum)


def _checksum(tags: Iterable[Tag], encoder_checksum: str) -> str:
    words = [(tag.pk, tag.name, tag.name_ru) for tag in tags]
    return content_hash(repr((encoder_checksum, PROMPTS, words)).encode())


def _active_tags() -> tuple[Tag, ...]:
    return tuple(Tag.objects.filter(is_active=True).order_by("slug"))


@lru_cache(maxsize=2)
def _vocabulary(encoder: Encoder, _minute: int) -> Vocabulary:
    tags = _active_tags()
    vectors = _prompt_vectors(encoder, tuple(tag.name for tag in tags))
    return Vocabulary(tags, vectors, encoder.checksum)


@lru_cache(maxsize=4)
def _prompt_vectors(encoder: Encoder, names: Sequence[str]) -> np.ndarray:
    if not names:
        return np.empty((0, encoder.dimensions), np.float32)
    texts = [prompt.format(name.lower()) for name in names for prompt in PROMPTS]
    batches = [encoder.encode_texts(texts[i : i + 64]) for i in range(0, len(texts), 64)]
    vectors = np.concatenate(batches).reshape(len(names), len(PROMPTS), -1).mean(axis=1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def merge_scores(*scored: Mapping[int, float]) -> dict[int, float]:
    """Returns the best score of each tag id."""
    merged: dict[int, float] = {}
    for scores in scored:
        for tag_id, score in scores.items():
            merged[tag_id] = max(score, merged.get(tag_id, 0.0))
    return merged
