"""Names of things as people write them, in English and in Russian."""

import random

import pytest

from indexing.training.starter.english import plural, with_article
from indexing.training.starter.prompts import english_prompt, russian_prompt, with_typo
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
    assert plural(one) == many


def test_an_article_fits_the_first_letter() -> None:
    assert with_article("armchair") == "an armchair"
    assert with_article("chair") == "a chair"


@pytest.mark.parametrize(
    ("name", "genitive", "instrumental", "plural_genitive"),
    [
        ("кресло", "кресла", "креслом", "кресел"),
        ("Барный стул", "барного стула", "барным стулом", "барных стульев"),
        ("детская коляска", "детской коляски", "детской коляской", "детских колясок"),
        ("коврик для ванной", "коврика для ванной", "ковриком для ванной", "ковриков для ванной"),
        ("столовые приборы", "столовых приборов", "столовыми приборами", "столовых приборов"),
        ("ножницы", "ножниц", "ножницами", "ножниц"),
    ],
)
def test_a_russian_name_is_inflected_as_a_whole(
    name: str, genitive: str, instrumental: str, plural_genitive: str
) -> None:
    forms = Russian().forms(name)

    assert (forms["gent"], forms["ablt"]) == (genitive, instrumental)
    assert forms["plur_gent"] == plural_genitive


def test_the_accusative_knows_who_is_alive() -> None:
    assert Russian().forms("белый медведь")["accs"] == "белого медведя"
    assert Russian().forms("белый стол")["accs"] == "белый стол"


def test_what_has_no_noun_is_not_inflected() -> None:
    assert Russian().forms("широко улыбается") == {}


@pytest.mark.parametrize(
    ("adjective", "name", "together"),
    [
        ("красный", "кружка", "красная кружка"),
        ("синий", "джинсы", "синие джинсы"),
        ("деревянный", "кресло для сада", "деревянное кресло для сада"),
    ],
)
def test_an_adjective_agrees_with_its_noun(adjective: str, name: str, together: str) -> None:
    assert Russian().described(adjective, name) == together


def test_a_russian_sentence_takes_the_form_that_it_asks_for() -> None:
    forms = {"gent": "кружки", "accs": "кружку", "ablt": "кружкой"}
    rng = random.Random(0)

    texts = {russian_prompt("кружка", forms, rng) for _ in range(500)}

    assert {"кружка", "кружкой", "фото кружки", "купить кружку"} <= texts
    assert not texts & {"купить кружки", "купить кружкой", "фото кружкой", "фото кружку"}


def test_yo_is_often_written_as_ye() -> None:
    rng = random.Random(0)

    texts = [russian_prompt("ёлка", {}, rng) for _ in range(100)]

    assert any("ёлка" in text for text in texts)
    assert any("елка" in text for text in texts)


def test_half_of_english_texts_are_the_bare_name() -> None:
    rng = random.Random(0)

    texts = [english_prompt("vase", rng) for _ in range(400)]

    assert 150 < texts.count("vase") < 250
    assert "a photo of a vase" in texts


def test_a_typo_drops_or_swaps_one_letter_of_a_longer_word() -> None:
    rng = random.Random(0)

    typos = {with_typo("a chair", rng) for _ in range(100)}

    assert typos == {"a cahir", "a chiar", "a chari", "a cair", "a chir", "a char"}
    assert with_typo("a cup", rng) == "a cup"
