"""Inflects Russian names of things, and adjectives that agree with them.

The dictionary comes from OpenCorpora through pymorphy3 (https://pymorphy2.readthedocs.io), one of
the packages of requirements-train.txt.
"""

from functools import cached_property, lru_cache
from typing import Any

# Nominative, genitive, dative, accusative, instrumental and locative, by pymorphy's names.
CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
_FORMS = {
    **{case: (case, "sing") for case in CASES},
    "plur": ("nomn", "plur"),
    "plur_gent": ("gent", "plur"),
    "plur_accs": ("accs", "plur"),
}
_ADJECTIVES = ("ADJF", "PRTF")
# Words whose usual meaning is the second in the dictionary. In the first, the plural is "стулы".
_SECOND_MEANING = {"стул"}


class Russian:
    """Inflects names that consist of adjectives, a noun, and any words after it."""

    def inflect(self, name: str) -> dict[str, str]:
        """Returns the name in each of `CASES`, and in "plur", "plur_gent" and "plur_accs".

        The forms are in lower case.  Returns an empty dict if the name has no noun in the
        nominative. A name in the plural, such as "ножницы", is in the plural in every form.
        """
        words = name.lower().split()
        head = self._find_noun(words)
        if head is None:
            return {}
        place, noun = head
        forms = {}
        for key, (case, number) in _FORMS.items():
            number = "plur" if noun.tag.number == "plur" else number
            inflected = noun.inflect({case, number}) or noun.inflect({case})
            if inflected is None:
                continue
            described = [self._make_agree(word, noun, case, number) for word in words[:place]]
            after = words[place + 1 :]
            if after and self._list_parses(after[0])[0].tag.POS in _ADJECTIVES:
                after[0] = self._make_agree(after[0], noun, case, number)
            forms[key] = " ".join([*described, inflected.word, *after])
        return forms

    def add_adjective(self, adjective: str, name: str) -> str:
        """Returns the adjective and the name in agreement, such as "красная кружка". Joins
        them unchanged if it finds no noun."""
        head = self._find_noun(name.lower().split())
        if head is None:
            return f"{adjective} {name}"
        noun = head[1]
        return f"{self._make_agree(adjective, noun, 'nomn', noun.tag.number or 'sing')} {name}"

    def _find_noun(self, words: list[str]) -> tuple[int, Any] | None:
        """Returns the index and the parse of the first noun, if it is in the nominative and only
        adjectives precede it."""
        for place, word in enumerate(words):
            noun = self._find_parse(word, ("NOUN",))
            if not self._is_attributive(word, words[place + 1 : place + 2]):
                return None if noun is None else (place, noun)
        return None

    def _is_attributive(self, word: str, following: list[str]) -> bool:
        """Returns whether the word is an adjective before an adjective or a noun, such as
        "столовые" in "столовые приборы"."""
        return self._find_parse(word, _ADJECTIVES) is not None and any(
            self._find_parse(other, (*_ADJECTIVES, "NOUN")) is not None for other in following
        )

    def _make_agree(self, adjective: str, noun: Any, case: str, number: str) -> str:
        parse = self._find_parse(adjective, _ADJECTIVES)
        if parse is None:
            return adjective
        grammemes = {case, number}
        if number == "sing" and noun.tag.gender:
            grammemes.add(noun.tag.gender)
        if case == "accs" and noun.tag.animacy and (number == "plur" or noun.tag.gender == "masc"):
            grammemes.add(noun.tag.animacy)
        inflected = parse.inflect(grammemes)
        return adjective if inflected is None else str(inflected.word)

    def _find_parse(self, word: str, parts_of_speech: tuple[str, ...]) -> Any | None:
        parses = [
            parse
            for parse in self._list_parses(word)
            if parse.tag.POS in parts_of_speech and parse.tag.case == "nomn"
        ]
        if word in _SECOND_MEANING:
            parses = parses[1:]
        return parses[0] if parses else None

    @lru_cache(maxsize=20_000)  # noqa: B019 (there is one object, for the whole training)
    def _list_parses(self, word: str) -> list[Any]:
        return list(self._analyzer.parse(word))

    @cached_property
    def _analyzer(self) -> Any:
        try:
            import pymorphy3
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "The package pymorphy3 is not installed: see requirements-train.txt.",
                name="pymorphy3",
            ) from error
        return pymorphy3.MorphAnalyzer()
