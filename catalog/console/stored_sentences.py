"""Translates sentences that are stored in English when a page shows them."""

import re
from functools import cache, lru_cache

from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from catalog.console.known_sentences import SENTENCES
from catalog.importing.errors import grouped

MAX_LENGTH = 5_000  # characters; longer texts are shown as they are
_PLACE = re.compile(r"%\((\w+)\)[rs]")
_NUMBERS = (
    *("cells", "free", "least", "line", "live", "members", "missing", "more", "most", "number"),
    *("own", "port", "recall", "refused", "share", "status", "width"),
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
_NESTED = ("field", "problem", "reason")


def translate_sentence(text: str, language: str = "") -> str:
    """Returns a stored sentence in this language, by default the active one. A text that fits none
    of the known sentences stays as it is."""
    chosen = language or get_language() or "en"
    return text if chosen.startswith("en") or len(text) > MAX_LENGTH else _translate(text, chosen)


@lru_cache(10_000)
def _translate(text: str, language: str) -> str:
    for sentence, words, pattern in _patterns():
        if words in text and (match := pattern.fullmatch(text)):
            with override(language):
                values = {name: _say(name, value) for name, value in match.groupdict().items()}
                # Values that were written with quotation marks have them already.
                return _(sentence).replace(")r", ")s") % values if values else _(sentence)
    return text


def _say(name: str, value: str) -> str:
    """Returns the value of a place in the active language."""
    if name in _NESTED:
        return translate_sentence(value)
    return grouped(int(value.replace(",", ""))) if _THOUSANDS.fullmatch(value) else value


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    """Returns each known sentence, the longest words that it has in every case, and what fits
    it."""
    return [
        (sentence, max(_words(sentence), key=len), _compile(sentence)) for sentence in SENTENCES
    ]


def _words(sentence: str) -> list[str]:
    return [words.replace("%%", "%") for words in _PLACE.split(sentence)[::2]]


def _compile(sentence: str) -> re.Pattern[str]:
    parts = _PLACE.split(sentence)
    parts[::2] = map(re.escape, _words(sentence))
    parts[1::2] = [
        f"(?P<{name}>{r'[0-9.,]+' if name in _NUMBERS else '.+?'})" for name in parts[1::2]
    ]
    return re.compile("".join(parts), re.DOTALL)
