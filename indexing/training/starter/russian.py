"""Inflects Russian names of things, and adjectives that agree with them, by rules and the lists of
`russian_words`."""

from indexing.training.starter.russian_adjectives import (
    CASES,
    agrees,
    decline_adjective,
    is_adjective,
)
from indexing.training.starter.russian_nouns import Noun, decline_noun

# The keys of `Russian.inflect`: the six cases, and forms of the plural.
_PLURAL_KEYS = {"plur": "nomn", "plur_gent": "gent", "plur_accs": "accs"}


class Russian:
    """Inflects names that consist of adjectives, a noun, and any words after it."""

    def inflect(self, name: str) -> dict[str, str]:
        """Returns the name in each of `CASES`, and in "plur", "plur_gent" and "plur_accs".

        The forms are in lower case.  Returns an empty dict if the name has no noun in the
        nominative. A name in the plural, such as "ножницы", is in the plural in every form.
        """
        words = name.lower().split()
        head = _find_noun(words)
        if head is None:
            return {}
        place, noun = head
        keys = [(case, case, "sing") for case in CASES]
        keys += [(key, case, "plur") for key, case in _PLURAL_KEYS.items()]
        return {key: _inflect_words(words, place, noun, case, number) for key, case, number in keys}

    def add_adjective(self, adjective: str, name: str) -> str:
        """Returns the adjective and the name in agreement, such as "красная кружка". Joins
        them unchanged if it finds no noun."""
        head = _find_noun(name.lower().split())
        if head is None:
            return f"{adjective} {name}"
        noun = head[1]
        return f"{decline_adjective(adjective, noun.gender, 'nomn')} {name}"


def _inflect_words(words: list[str], place: int, noun: Noun, case: str, number: str) -> str:
    gender = noun.gender if number == "sing" or not noun.countable else "plur"
    described = [decline_adjective(word, gender, case, noun.animate) for word in words[:place]]
    after = words[place + 1 :]
    # A word in -ой is mostly another noun's: "машина скорой помощи".
    if after and agrees(after[0], noun.gender) and not after[0].endswith("ой"):
        after[0] = decline_adjective(after[0], gender, case, noun.animate)
    forms = noun.singular if number == "sing" else noun.plural
    return " ".join([*described, forms[case], *after])


def _find_noun(words: list[str]) -> tuple[int, Noun] | None:
    """Returns the index and the forms of the noun, if only adjectives precede it."""
    for place, word in enumerate(words):
        if not _is_attributive(word, words[place + 1 : place + 2]):
            noun = decline_noun(word, many=place > 0 and agrees(words[place - 1], "plur"))
            return None if noun is None else (place, noun)
    return None


def _is_attributive(word: str, following: list[str]) -> bool:
    """Returns whether the word is an adjective before an adjective or a noun, such as
    "столовые" in "столовые приборы"."""
    return is_adjective(word) and any(
        is_adjective(other) or decline_noun(other) is not None for other in following
    )
