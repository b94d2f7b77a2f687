"""Forms of English and Russian names, and prompts."""

import random

import pytest

from indexing.training.starter.english import add_article, make_plural
from indexing.training.starter.prompts import add_typo, write_english_prompt, write_russian_prompt
from indexing.training.starter.russian import Russian


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("chair", "chairs"),
        ("glass", "glasses"),
        ("toy lorry", "toy lorries"),
        ("kitchen knife", "kitchen knives"),
        ("bed with drawers", "beds with drawers"),
        ("scissors", "scissors"),
        ("Keys", "Keys"),
    ],
)
def test_the_plural_of_an_english_name(one: str, many: str) -> None:
    assert make_plural(one) == many


def test_an_article_fits_the_first_letter() -> None:
    assert add_article("armchair") == "an armchair"
    assert add_article("chair") == "a chair"


@pytest.mark.parametrize(
    ("name", "genitive", "instrumental", "plural_genitive"),
    [
        ("кресло", "кресла", "креслом", "кресел"),
        ("Барный стул", "барного стула", "барным стулом", "барных стульев"),
        ("детская коляска", "детской коляски", "детской коляской", "детских колясок"),
        ("коврик для ванной", "коврика для ванной", "ковриком для ванной", "ковриков для ванной"),
        ("столовые приборы", "столовых приборов", "столовыми приборами", "столовых приборов"),
        ("ножницы", "ножниц", "ножницами", "ножниц"),
        ("входная дверь", "входной двери", "входной дверью", "входных дверей"),
        ("кресло-качалка", "кресла-качалки", "креслом-качалкой", "кресел-качалок"),
        ("ковёр", "ковра", "ковром", "ковров"),
        ("синее полотенце", "синего полотенца", "синим полотенцем", "синих полотенец"),
        ("пальто", "пальто", "пальто", "пальто"),
        ("кухонная мебель", "кухонной мебели", "кухонной мебелью", "кухонной мебели"),
        (
            "машина скорой помощи",
            "машины скорой помощи",
            "машиной скорой помощи",
            "машин скорой помощи",
        ),
        ("морские существа", "морских существ", "морскими существами", "морских существ"),
    ],
)
def test_a_russian_name_is_inflected_as_a_whole(
    name: str, genitive: str, instrumental: str, plural_genitive: str
) -> None:
    forms = Russian().inflect(name)

    assert (forms["gent"], forms["ablt"]) == (genitive, instrumental)
    assert forms["plur_gent"] == plural_genitive


def test_the_accusative_depends_on_animacy() -> None:
    assert Russian().inflect("белый медведь")["accs"] == "белого медведя"
    assert Russian().inflect("белый стол")["accs"] == "белый стол"


@pytest.mark.parametrize("name", ["широко улыбается", "в шляпе", "USB 3.0", "красная", ""])
def test_a_name_without_a_noun_is_not_inflected(name: str) -> None:
    assert Russian().inflect(name) == {}


@pytest.mark.parametrize(
    ("adjective", "name", "together"),
    [
        ("красный", "кружка", "красная кружка"),
        ("синий", "джинсы", "синие джинсы"),
        ("деревянный", "кресло для сада", "деревянное кресло для сада"),
        ("большой", "скатерть", "большая скатерть"),
        ("серый", "кошачья миска", "серая кошачья миска"),
        ("старый", "улыбается", "старый улыбается"),
    ],
)
def test_an_adjective_agrees_with_its_noun(adjective: str, name: str, together: str) -> None:
    assert Russian().add_adjective(adjective, name) == together


def test_a_russian_prompt_uses_the_form_that_it_needs() -> None:
    forms = {"gent": "кружки", "accs": "кружку", "ablt": "кружкой"}
    rng = random.Random(0)

    texts = {write_russian_prompt("кружка", forms, rng) for _ in range(500)}

    assert {"кружка", "кружкой", "фото кружки", "купить кружку"} <= texts
    assert not texts & {"купить кружки", "купить кружкой", "фото кружкой", "фото кружку"}


def test_about_half_of_prompts_write_yo_as_ye() -> None:
    rng = random.Random(0)

    texts = [write_russian_prompt("ёлка", {}, rng) for _ in range(100)]

    assert sum("ёлка" in text for text in texts) == 53
    assert sum("елка" in text for text in texts) == 47


def test_about_half_of_english_prompts_are_the_name_alone() -> None:
    rng = random.Random(0)

    texts = [write_english_prompt("vase", rng) for _ in range(400)]

    assert texts.count("vase") == 206
    assert "a photo of a vase" in texts


def test_a_typo_drops_or_swaps_one_letter_of_a_longer_word() -> None:
    rng = random.Random(0)

    typos = {add_typo("a chair", rng) for _ in range(100)}

    assert typos == {"a cahir", "a chiar", "a chari", "a cair", "a chir", "a char"}
    assert add_typo("a cup", rng) == "a cup"
