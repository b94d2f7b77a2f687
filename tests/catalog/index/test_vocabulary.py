"""Tags are found in the own data of products by their names."""

import json

import pytest

from catalog.demo.load import CATALOG, VOCABULARY, load_vocabulary
from catalog.index.vocabulary import Vocabulary, normalise, read_product_texts, read_vocabulary
from catalog.models import Category, Product, Tag


def test_names_of_several_words_are_found_in_the_order_of_the_vocabulary() -> None:
    names = ["floor lamp", "lamp", "table", "!", "desk & chair set"]
    tags = tuple(Tag(pk=n, slug=f"{n}", name=name) for n, name in enumerate(names))
    vocabulary = Vocabulary(tags)

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
    vocabulary = read_vocabulary()
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


def test_names_are_found_as_whole_words_only() -> None:
    tags = (
        Tag(pk=1, slug="bed", name="bed", name_ru="кровать"),
        Tag(pk=2, slug="tree", name="ёлка", name_ru="ёлка"),
    )
    vocabulary = Vocabulary(tags)

    assert [tag.slug for tag in vocabulary.find_named(["Two beds"])] == ["bed"]
    assert vocabulary.find_named(["A bedside table", "be", "d"]) == []
    assert [tag.slug for tag in vocabulary.find_named(["Елка!"])] == ["tree"]
    assert normalise("Glass  CUPS, ёжик") == "glas cup ежик"


def test_a_letter_with_a_hyphen_belongs_to_its_word() -> None:
    tags = (Tag(pk=1, slug="shirt", name="shirt"), Tag(pk=2, slug="t-shirt", name="T-shirt"))
    vocabulary = Vocabulary(tags)

    assert [tag.slug for tag in vocabulary.find_named(["Blue T-Shirts"])] == ["t-shirt"]
    assert [tag.slug for tag in vocabulary.find_named(["A night-shirt"])] == ["shirt"]


@pytest.mark.django_db
def test_categories_and_attributes_name_a_tag_if_they_are_the_word() -> None:
    Tag.objects.all().delete()
    for name, name_ru in [("door", ""), ("window", ""), ("home", ""), ("oak", "дуб"), ("red", "")]:
        Tag.objects.create(slug=name, name=name, name_ru=name_ru)
    Tag.objects.create(slug="deep", name="deep", state=Tag.State.PROPOSED)
    home = Category.objects.create(slug="home", name="Home")
    both = Category.objects.create(slug="both", name="Doors and windows", parent=home)
    doors = Category.objects.create(slug="doors", name="Parts/Doors", parent=both)
    named = {
        "category": Product(sku="a", category=both),
        "path": Product(sku="b", category=doors),
        "attributes": Product(sku="c", attributes={"wood": ["Дуб"], "note": "red or blue"}),
        "texts": Product(sku="d", title="A red door", keywords=["oak window"]),
        "no word": Product(sku="e", attributes={"red": True, "size": "deep", "in": {"red": "red"}}),
    }
    Product.objects.bulk_create(named.values())
    vocabulary = read_vocabulary()

    found = {
        case: [tag.slug for tag in vocabulary.find_tags(read_product_texts([product.pk])[0])]
        for case, product in named.items()
    }

    assert found == {
        "category": ["home"],
        "path": ["door", "home"],
        "attributes": ["oak"],
        "texts": ["door", "oak", "red", "window"],
        "no word": [],
    }
