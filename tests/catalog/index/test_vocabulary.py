"""Tags are found in texts by their names, and in images by their vectors."""

import json

import numpy as np
import pytest

from catalog.demo.load import CATALOG, VOCABULARY, load_vocabulary
from catalog.index.vocabulary import MIN_SCORE, Vocabulary, normalise, vocabulary_for
from catalog.models import Tag
from tests.indexing.histogram_encoder import HistogramEncoder


def test_names_of_several_words_are_found_in_the_order_of_the_vocabulary() -> None:
    names = ["floor lamp", "lamp", "table", "!", "desk & chair set"]
    tags = tuple(Tag(pk=n, slug=f"{n}", name=name) for n, name in enumerate(names))
    vocabulary = Vocabulary(tags, np.empty((len(tags), 512), np.float32))

    def named(*texts: str) -> list[str]:
        return [tag.name for tag in vocabulary.find_named(texts)]

    assert named("Table and floor lamps") == ["floor lamp", "lamp", "table"]
    assert named("Floor", "lamp") == ["lamp"]
    assert named("A Desk, chair-set!") == ["desk & chair set"]
    assert named("", "?") == []


@pytest.mark.django_db
def test_the_lookup_of_names_finds_the_same_tags_as_a_scan() -> None:
    Tag.objects.all().delete()
    load_vocabulary(VOCABULARY)
    vocabulary = vocabulary_for(HistogramEncoder())
    with CATALOG.open(encoding="utf-8") as file:
        products = [json.loads(line) for line in file]
    spaced = [
        (tag, [f" {normalise(name)} " for name in (tag.name, tag.name_ru) if name])
        for tag in vocabulary.tags
    ]

    found = 0
    for product in products[::5]:
        texts = [product["title"], product.get("title_ru", ""), *product.get("keywords", [])]
        text = " | ".join(["", *map(normalise, texts), ""])
        expected = [tag for tag, names in spaced if any(name in text for name in names)]
        assert vocabulary.find_named(texts) == expected
        found += len(expected)
    assert found == 173


def test_the_best_tags_of_many_images_are_those_of_each_image() -> None:
    tags = tuple(Tag(pk=n, slug=f"{n}", name=f"{n}") for n in range(20))
    random = np.random.default_rng(1)
    vectors = random.standard_normal((24, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vocabulary = Vocabulary(tags, vectors[:20])

    together = vocabulary.best_tags_of_each(vectors[20:], 5)

    for image, best in zip(vectors[20:], together, strict=True):
        alone = vocabulary.best_tags(image, 5)
        assert [tag for tag, _ in best] == [tag for tag, _ in alone]
        assert [score for _, score in best] == pytest.approx(
            [score for _, score in alone], abs=1e-5
        )
        assert best[0][1] == pytest.approx(max(vocabulary.scores(image[None])[0]), abs=1e-5)
        assert all(score >= MIN_SCORE for _, score in best)
    assert Vocabulary((), np.empty((0, 8), np.float32)).best_tags_of_each(vectors[:2], 5) == [
        [],
        [],
    ]


def test_names_are_found_as_whole_words_only() -> None:
    tags = (
        Tag(pk=1, slug="bed", name="bed", name_ru="кровать"),
        Tag(pk=2, slug="tree", name="ёлка", name_ru="ёлка"),
    )
    vocabulary = Vocabulary(tags, np.empty((2, 512), np.float32))

    assert [tag.slug for tag in vocabulary.find_named(["Two beds"])] == ["bed"]
    assert vocabulary.find_named(["A bedside table", "be", "d"]) == []
    assert [tag.slug for tag in vocabulary.find_named(["Елка!"])] == ["tree"]
    assert normalise("Glass  CUPS, ёжик") == "glas cup ежик"
