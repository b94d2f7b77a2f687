"""Prompts: the ways in which shoppers write the name of a thing, alone, inflected, in a sentence,
or with a typo.

The fields of a Russian prompt are keys that `Russian.inflect` returns.  CLIP's tokenizer ignores
case, so case is not varied.
"""

import random
from collections.abc import Mapping

from indexing.training.starter.english import add_article, make_plural

_BARE_SHARE = 0.5
_BARE_SHARE_RU = 0.6
_NOMINATIVE_SHARE_RU = 0.5
_YE_FOR_YO_SHARE = 0.5
_TYPO_SHARE = 0.06
_MIN_LETTERS = 5

_ENGLISH = (
    "{many}",
    "{a}",
    "the {name}",
    "a photo of {a}",
    "a photo of {name}",
    "photos of {many}",
    "a picture of {a}",
    "an image of {a}",
    "a product photo of {a}",
    "{a} on a white background",
    "{name} on a white background",
    "a photo of {a} in a room",
    "I am looking for {a}",
    "I want {a}",
    "buy {a}",
    "buy {name}",
    "cheap {many}",
    "show me {many}",
)
_RUSSIAN = (
    "фото {gent}",
    "фото {nomn}",
    "фотография {gent}",
    "картинка с {ablt}",
    "изображение {gent}",
    "{nomn} на белом фоне",
    "{plur} на белом фоне",
    "купить {accs}",
    "купить {nomn}",
    "{nomn} купить",
    "купить {plur_accs}",
    "где купить {accs}",
    "хочу {accs}",
    "хочу купить {accs}",
    "ищу {accs}",
    "покажи {plur_accs}",
    "{plur} недорого",
    "цена {gent}",
    "магазин {plur_gent}",
    "{nomn} в комнате",
)


def write_english_prompt(name: str, rng: random.Random) -> str:
    """Returns `name` as a shopper may write it, half of the time alone."""
    if rng.random() < _BARE_SHARE:
        return _maybe_add_typo(name, rng)
    prompt = rng.choice(_ENGLISH)
    return _maybe_add_typo(
        prompt.format(name=name, a=add_article(name), many=make_plural(name)), rng
    )


def write_russian_prompt(name: str, forms: Mapping[str, str], rng: random.Random) -> str:
    """Returns a Russian name as a shopper may write it. `forms`: by `Russian.inflect`; a missing
    form is replaced by the name."""
    if rng.random() >= _BARE_SHARE_RU:
        text = rng.choice(_RUSSIAN).format_map(_Forms(name, forms))
    elif forms and rng.random() >= _NOMINATIVE_SHARE_RU:
        text = rng.choice(list(forms.values()))
    else:
        text = name
    if rng.random() < _YE_FOR_YO_SHARE:
        text = text.replace("ё", "е").replace("Ё", "Е")
    return _maybe_add_typo(text, rng)


class _Forms(dict[str, str]):
    def __init__(self, name: str, forms: Mapping[str, str]) -> None:
        super().__init__(forms)
        self._name = name

    def __missing__(self, key: str) -> str:
        return self._name


def _maybe_add_typo(text: str, rng: random.Random) -> str:
    return add_typo(text, rng) if rng.random() < _TYPO_SHARE else text


def add_typo(text: str, rng: random.Random) -> str:
    """Drops a letter of a longer word, or swaps it with the next one. The first letter stays."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= _MIN_LETTERS]
    if not long:
        return text
    place = rng.choice(long)
    word = words[place]
    letter = rng.randrange(1, len(word) - 1)
    middle = word[letter + 1] + word[letter] if rng.random() < 0.5 else word[letter + 1]
    words[place] = word[:letter] + middle + word[letter + 2 :]
    return " ".join(words)
