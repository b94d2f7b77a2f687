"""How people write the name of a thing: bare, inflected, in a sentence, with a slip of the finger.

Fields of a Russian sentence are forms of `Russian.forms`.  CLIP's tokens know no case of
letters, so none is varied.
"""

import random
from collections.abc import Mapping

from indexing.training.starter.english import plural, with_article

_BARE = 0.5
_BARE_RU = 0.6
_NOMINATIVE_RU = 0.5
_YE_FOR_YO = 0.5
_TYPO = 0.06
_LEAST_LETTERS = 5

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


def english_prompt(name: str, rng: random.Random) -> str:
    """`name` as somebody may ask for it, half of the time bare."""
    if rng.random() < _BARE:
        return _slip(name, rng)
    prompt = rng.choice(_ENGLISH)
    return _slip(prompt.format(name=name, a=with_article(name), many=plural(name)), rng)


def russian_prompt(name: str, forms: Mapping[str, str], rng: random.Random) -> str:
    """The same in Russian, with `Russian.forms` of the name; a missing form is the name itself."""
    if rng.random() >= _BARE_RU:
        text = rng.choice(_RUSSIAN).format_map(_Forms(name, forms))
    elif forms and rng.random() >= _NOMINATIVE_RU:
        text = rng.choice(list(forms.values()))
    else:
        text = name
    if rng.random() < _YE_FOR_YO:
        text = text.replace("ё", "е").replace("Ё", "Е")
    return _slip(text, rng)


class _Forms(dict[str, str]):
    def __init__(self, name: str, forms: Mapping[str, str]) -> None:
        super().__init__(forms)
        self._name = name

    def __missing__(self, key: str) -> str:
        return self._name


def _slip(text: str, rng: random.Random) -> str:
    return with_typo(text, rng) if rng.random() < _TYPO else text


def with_typo(text: str, rng: random.Random) -> str:
    """One letter of one longer word dropped or swapped with the next; its first letter stays."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= _LEAST_LETTERS]
    if not long:
        return text
    place = rng.choice(long)
    word = words[place]
    letter = rng.randrange(1, len(word) - 1)
    middle = word[letter + 1] + word[letter] if rng.random() < 0.5 else word[letter + 1]
    words[place] = word[:letter] + middle + word[letter + 2 :]
    return " ".join(words)
