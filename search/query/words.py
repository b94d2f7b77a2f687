"""Reads the words of a search: which of them the catalogue knows, and which are typos."""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from catalog.index.live_index import LiveIndex
from catalog.index.search_terms import correct_word
from catalog.index.word_statement import KnownWord, WordQuery, find_known_words
from search.query.vector import encode_words
from search.request import SearchRequest
from search.serving.deadline import Deadline

MAX_WORDS = 12  # of a search; the vector of the text has all of them
WORD = re.compile(r"\w+")
PICTURE = re.compile("([\U0001f300-\U0001faff])\ufe0f?")  # emoji of things


@dataclass(frozen=True)
class ReadWords:
    """The words of a search as they are searched for. `text`: the text without typos; `words`: its
    words; `required`: how many of them the texts of a product must have; `given`: the text as the
    shopper wrote it."""

    text: str
    words: tuple[str, ...]
    required: int
    given: str

    @property
    def corrected(self) -> str:
        """The text that was searched for instead of the given one, or ""."""
        return self.text if self.text != self.given else ""

    def query(self, vector: np.ndarray | None, index: LiveIndex) -> WordQuery:
        """Returns the words for the search statement. `vector`: that of the words (dimensions,),
        or None in a search by words alone."""
        phrase = self.text.strip()
        return WordQuery(
            words=self.words,
            phrase=" ".join(phrase.lower().split()),
            skus=tuple({phrase, phrase.lower(), phrase.upper(), self.given.strip()}),
            required=self.required,
            vector=vector,
            least_cosine=index.generation.calibration.word_cosine,
        )


def read_words(text: str) -> ReadWords:
    """Reads the text of a search. A word that no product's text has, but that is like another one,
    is a typo and replaced. So is a picture such as 🪑, by its name.

    If a product has all known words, products need all of them. Else they need half of them."""
    given, text = text, name_pictures(text)
    words = _split(text)
    known = find_known_words(words)
    unknown = [one.word for one in known if not one.is_known and not one.is_stop]
    meant = {word: right for word in unknown if (right := correct_word(word))}
    # Words of products that are gone stay among the terms until a rebuild.
    still_known = {one.word for one in find_known_words([*meant.values()]) if one.is_known}
    corrections = {word: right for word, right in meant.items() if right in still_known}
    if not corrections:
        return ReadWords(text, tuple(words), _count_required(known), given)
    right = WORD.sub(lambda match: corrections.get(match[0].lower(), match[0]), text)
    words = _split(right)
    known = find_known_words(words)
    return ReadWords(right, tuple(words), _count_required(known), given)


def name_pictures(text: str) -> str:
    """Returns the text with the English names that Unicode gives to pictures in their place."""
    if not PICTURE.search(text):
        return text
    named = PICTURE.sub(lambda match: f" {unicodedata.name(match[1], '').lower()} ", text)
    return " ".join(named.split())


def find_word_query(
    given: ReadWords | None, request: SearchRequest, index: LiveIndex, deadline: Deadline
) -> WordQuery | None:
    """Returns the words of a request for the search statement, or None without words. Raises
    Overloaded."""
    return given.query(encode_words(request, index, deadline), index) if given else None


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(word.lower() for word in WORD.findall(text)))[:MAX_WORDS]


def _count_required(words: list[KnownWord]) -> int:
    known = sum(word.is_known for word in words)
    if not known:
        return 1
    return known if words[0].all_together else (known + 1) // 2
