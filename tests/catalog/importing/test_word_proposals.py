"""Imports propose the common words of the catalogue as tags, and respect what operators decide."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from catalog.importing import word_proposals
from catalog.importing.files import ImportReport
from catalog.importing.word_proposals import find_common_words
from catalog.index.vocabulary import normalise
from catalog.models import Product, Tag

pytestmark = pytest.mark.usefixtures("empty_catalogue")
ImportLines = Callable[..., ImportReport]


def lines(count: int, prefix: str = "p", **fields: Any) -> list[dict[str, Any]]:
    return [{"sku": f"{prefix}{n}", "title": f"Thing {n}", **fields} for n in range(count)]


OTHERS = lines(40, "other")


def proposed() -> list[tuple[str, str, int]]:
    tags = Tag.objects.proposed().order_by("-products", "slug")
    return list(tags.values_list("name", "name_ru", "products"))


def test_categories_keywords_and_attributes_are_proposed_in_the_languages_of_the_shop(
    import_lines: ImportLines,
) -> None:
    report = import_lines(
        *lines(
            6,
            "jacket",
            category="Clothes > Jackets",
            category_ru="Одежда > Куртки",
            keywords=["Rain"],
            colour="Red",
            colour_ru="Красный",
        ),
        *lines(5, "boot", category="Clothes > Boots", keywords=["зима", "Rain"], sole=["Rubber"]),
        *OTHERS,
    )

    assert report.proposed == 7
    assert proposed() == [
        ("Clothes", "Одежда", 11),
        ("Rain", "", 11),
        ("Jackets", "Куртки", 6),
        ("Red", "Красный", 6),
        ("Boots", "", 5),
        ("Rubber", "", 5),
        ("", "зима", 5),
    ]
    assert set(Tag.objects.get(slug="boots").examples) <= set(
        Product.objects.filter(sku__startswith="boot").values_list("pk", flat=True)
    )


def test_spellings_of_a_word_are_one_proposal(import_lines: ImportLines) -> None:
    import_lines(
        *lines(4, "a", category="Sofas", category_ru="Диваны", keywords=["sofa", "SOFA"]),
        *lines(3, "b", keywords=["Sofa"]),
        *lines(5, "c", keywords=["диваны"]),
        *lines(5, "d", keywords=["ЁЛКА"]),
        *OTHERS,
    )

    # A product counts once. The Russian name of a proposal is no other proposal.
    assert proposed() == [("Sofas", "Диваны", 7), ("", "ЁЛКА", 5)]


def test_useless_words_are_not_proposed(import_lines: ImportLines) -> None:
    import_lines(
        *lines(
            10,
            brand="Nordwood",
            keywords=[
                *("42", "A-100", "x", "yes", "да", "nordwood", "<b>bold</b>", "\u202eevil", "–"),
                *("w" * 60, "wide\tscreen", "10 % off", "http://shop"),
            ],
            code="SKU-17",
            nested={"deep": "secret"},
            flag=True,
        ),
        *OTHERS,
    )

    assert proposed() == []


def test_words_of_few_or_of_most_products_are_not_proposed(import_lines: ImportLines) -> None:
    import_lines(
        *lines(4, "few", keywords=["rare"]),
        *lines(20, "hidden", keywords=["hidden"], is_visible=False),
        *({**line, "keywords": ["everywhere"]} for line in OTHERS),
    )

    assert proposed() == []


def test_an_attribute_with_very_many_values_is_not_proposed(import_lines: ImportLines) -> None:
    letters = "abcdefghijklmnopqrst"
    names = [f"{a}{b}name" for a in letters for b in letters][:110]
    import_lines(
        *({"sku": f"{name}-{n}", "author": name} for name in names for n in range(5)),
        *lines(6, keywords=["lamp"]),
    )

    assert proposed() == [("lamp", "", 6)]


def test_the_number_of_open_proposals_is_limited(
    import_lines: ImportLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_proposals, "MAX_PROPOSALS", 3)
    words = ["one", "two", "three", "four", "five"]

    import_lines(*(line for n, w in enumerate(words) for line in lines(9 - n, w, keywords=[w])))

    assert [name for name, _, _ in proposed()] == ["one", "two", "three"]


def test_another_import_neither_repeats_nor_revives_a_decided_word(
    import_lines: ImportLines,
) -> None:
    shop = [*lines(6, keywords=["lamp", "desk", "office"]), *OTHERS]
    import_lines(*shop)
    Tag.objects.filter(slug="lamp").update(state=Tag.State.REFUSED)
    Tag.objects.filter(slug="desk").update(state=Tag.State.ACCEPTED)

    import_lines(*shop, *lines(3, "more", keywords=["Lamps", "desks"]))

    assert list(Tag.objects.values_list("slug", "state", "products")) == [
        ("desk", "accepted", 9),
        ("lamp", "refused", 9),
        ("office", "proposed", 6),
    ]


def test_a_word_that_is_no_longer_common_is_withdrawn(import_lines: ImportLines) -> None:
    import_lines(*lines(6, keywords=["lamp", "desk"]), *OTHERS)
    Tag.objects.filter(slug="desk").update(state=Tag.State.ACCEPTED)

    import_lines(*lines(6, keywords=[]), *OTHERS)

    assert list(Tag.objects.values_list("slug", "state")) == [("desk", "accepted")]


@pytest.mark.parametrize(
    "name",
    ["Hoodies & Sweatshirts", "T-Shirts", "Women's", "Ёлки и гирлянды", "GLASS", "Café  chairs"],
)
def test_the_database_normalises_words_as_the_tagger_does(
    import_lines: ImportLines, name: str
) -> None:
    import_lines(*lines(6, keywords=[name]), *OTHERS)

    [word] = find_common_words()
    assert {word.name, word.name_ru} == {name, ""}
    with connection.cursor() as cursor:
        cursor.execute(
            word_proposals.WORDS,
            {"values": 100, "length": 40, "examples": 3, "least": 5, "most": 9},
        )
        assert cursor.fetchone()[0] == normalise(name)
