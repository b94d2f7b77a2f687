"""Declension of Russian adjectives and participles, by their endings."""

import re

from indexing.training.starter.russian_words import NOT_ADJECTIVES

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
# By gender or number: the endings in the order of `CASES`.
_HARD = {
    "masc": ("ый", "ого", "ому", "ый", "ым", "ом"),
    "neut": ("ое", "ого", "ому", "ое", "ым", "ом"),
    "femn": ("ая", "ой", "ой", "ую", "ой", "ой"),
    "plur": ("ые", "ых", "ым", "ые", "ыми", "ых"),
}
_SOFT = {
    "masc": ("ий", "его", "ему", "ий", "им", "ем"),
    "neut": ("ее", "его", "ему", "ее", "им", "ем"),
    "femn": ("яя", "ей", "ей", "юю", "ей", "ей"),
    "plur": ("ие", "их", "им", "ие", "ими", "их"),
}
# Adjectives from the names of animals, such as "птичий".
_POSSESSIVE = {
    "masc": ("ий", "ьего", "ьему", "ий", "ьим", "ьем"),
    "neut": ("ье", "ьего", "ьему", "ье", "ьим", "ьем"),
    "femn": ("ья", "ьей", "ьей", "ью", "ьей", "ьей"),
    "plur": ("ьи", "ьих", "ьим", "ьи", "ьими", "ьих"),
}
_OF_ANIMALS = re.compile(
    r"(птич|медвеж|собач|кошач|заяч|волч|лис|олен|рыб|коров|коз|овеч|верблюж|бож|барсуч|лебяж)"
    r"(ий|ья|ье|ьи)"
)
_ADJECTIVE = re.compile(r"(.*?)(ый|ой|ая|ое|ые|(?<=[гкхжшчщн])(?:ий|ие)|(?<=[жшчщн])ее|няя)(ся)?")
# Nouns such as "здание" and "отличие", unlike "зимние" and "рабочие".
_NOUN = re.compile(r".*([аеёоуыюя]ние|личие|оружие)|.*(?:гений|герой)|(?!злой)[^аеёиоуыэюя]*[ао]й")
_STRESSED = ("больш", "чуж")


def is_adjective(word: str) -> bool:
    """Returns whether the word looks like an adjective in the nominative."""
    if word in NOT_ADJECTIVES or _NOUN.fullmatch(word):
        return False
    return bool(_OF_ANIMALS.fullmatch(word) or _ADJECTIVE.fullmatch(word))


def decline_adjective(word: str, gender: str, case: str, animate: bool = False) -> str:
    """Returns a form of an adjective in the nominative of any gender.

    `gender`: "masc", "neut", "femn" or "plur". `case`: one of `CASES`. `animate`: whether the noun
    is. Returns a word that is no adjective unchanged.
    """
    if case == "accs" and animate and gender in {"masc", "plur"}:
        case = "gent"
    place = CASES.index(case)
    if match := _OF_ANIMALS.fullmatch(word):
        return match[1] + _POSSESSIVE[gender][place]
    match = _ADJECTIVE.fullmatch(word) if is_adjective(word) else None
    if match is None:
        return word
    stem, ending, reflexive = match[1], match[2], match[3] or ""
    if ending == "няя":
        stem, ending = f"{stem}н", "яя"
    return stem + _choose_ending(stem, ending, gender, place) + reflexive


def _choose_ending(stem: str, ending: str, gender: str, place: int) -> str:
    last = stem[-1:]
    stressed = ending == "ой" or (last in "жшчщ" and ending == "ое") or stem.endswith(_STRESSED)
    if gender == "masc" and stressed and place in (0, 3):
        return "ой"
    if last in "жшчщ" and not stressed:
        return _SOFT[gender][place].replace("яя", "ая").replace("юю", "ую")
    if last in "гкхжшчщ":
        return _HARD[gender][place].replace("ы", "и")
    soft = ending in {"ий", "яя", "ее", "ие"}
    return (_SOFT if soft else _HARD)[gender][place]


def agrees(word: str, gender: str) -> bool:
    """Returns whether the word is an adjective in the nominative of the gender."""
    return is_adjective(word) and decline_adjective(word, gender, "nomn") == word
