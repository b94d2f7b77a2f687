"""Declension of Russian nouns, by their endings and the exceptions in `russian_words`."""

import re
from dataclasses import dataclass, replace

from indexing.training.starter import russian_words as known
from indexing.training.starter.russian_adjectives import CASES, decline_adjective, is_adjective

_VOWELS = "аеёиоуыэюя"
_HUSHING = "жшчщ"
# After these letters, ы becomes и.
_WITHOUT_Y = "гкхжшчщ"
# Finite verbs, infinitives and short forms, unless a list says otherwise.
_NO_NOUN = re.compile(
    r".*(?:[аяуе]ет|[ую]сь|[иа]сь|лся|[аоуеяиы]ть|ться|тся|[уюэ]|[^цщжьи]е|(?<!ств)(?<![лц])о)"
)
_INSTRUMENTALS = {"люди": "людьми", "дети": "детьми"}


@dataclass(frozen=True)
class Noun:
    """`gender`: "masc", "neut", "femn" or "plur". `singular` and `plural`: the forms by case. They
    are the same for a noun in the plural. `countable`: False for a noun that has no plural, such as
    "мебель"; its `plural` is the singular."""

    gender: str
    animate: bool
    singular: dict[str, str]
    plural: dict[str, str]
    countable: bool = True


def decline_noun(word: str, many: bool = False) -> Noun | None:
    """Returns the forms of a noun in the nominative, or None if the word looks like no such noun.

    `word`: in lower case. `many`: whether it is known to be in the plural, such as "права", which
    looks like a feminine noun. Both parts of a word with a hyphen are declined.
    """
    first, hyphen, second = word.partition("-")
    if hyphen and word not in known.INDECLINABLE:
        return _decline_pair(first, second)
    key = word.replace("ё", "е")
    if not re.fullmatch("[а-яё]{2,}", word) or key in known.NOT_NOUNS:
        return None
    animate = key in known.ANIMATE
    if key in known.INDECLINABLE:
        gender = "masc" if key in known.MASCULINE_INDECLINABLE else "neut"
        forms = dict.fromkeys(CASES, word)
        return Noun(gender, animate, forms, forms)
    for prefix in known.PREFIXES:
        if key.startswith(prefix) and key.removeprefix(prefix) in known.LISTED:
            return _add_prefix(prefix, decline_noun(word.removeprefix(prefix)))
    if is_adjective(word):
        return _decline_adjectival(word, animate) if key in known.ADJECTIVAL else None
    if key in known.PLURAL_GENITIVES or word[-1] in "ыи" or (many and word[-1] in "ая"):
        forms = _list_plural(word, _make_plural_genitive(word, key), animate)
        return Noun("plur", animate, forms, forms)
    if _NO_NOUN.fullmatch(word) and key not in known.LISTED:
        return None
    return _decline_singular(word, key, animate)


def _decline_pair(first: str, second: str) -> Noun | None:
    head, other = decline_noun(first), decline_noun(second)
    if other is None:
        return None
    if head is None or first in known.FIXED_FIRST or first in known.INDECLINABLE:
        return _add_prefix(f"{first}-", other)
    singular, plural = (
        {case: f"{one[case]}-{two[case]}" for case in CASES}
        for one, two in ((head.singular, other.singular), (head.plural, other.plural))
    )
    return Noun(head.gender, head.animate, singular, plural)


def _add_prefix(prefix: str, noun: Noun | None) -> Noun | None:
    if noun is None:
        return None
    singular, plural = (
        {case: prefix + form for case, form in forms.items()}
        for forms in (noun.singular, noun.plural)
    )
    return replace(noun, singular=singular, plural=plural)


def _decline_adjectival(word: str, animate: bool) -> Noun:
    base = word.removesuffix("ся")
    gender = {"я": "femn", "й": "masc"}.get(
        base[-1], "plur" if base[-2:] in {"ые", "ие"} else "neut"
    )
    singular, plural = (
        {case: decline_adjective(word, number, case, animate) for case in CASES}
        for number in (gender, "plur")
    )
    return Noun(gender, animate, singular, plural)


def _decline_singular(word: str, key: str, animate: bool) -> Noun:
    last = word[-1]
    if last in "ая" and not (word.endswith("мя") and key in known.LISTED):
        gender, endings, plural = _decline_in_a(word, key)
    elif last in "оеё" or last == "я":
        gender, endings, plural = _decline_neuter(word, key)
    elif last == "ь" and _is_feminine(key):
        gender, endings, plural = _decline_feminine_soft(word, key)
    else:
        gender, endings, plural = _decline_masculine(word, key, animate)
    nominative, genitive = known.PLURALS.get(key, plural)
    singular = dict(zip(CASES, (word, *endings), strict=True))
    if gender == "masc" and animate and last not in "ая":
        singular["accs"] = singular["gent"]
    if key in known.UNCOUNTABLE:
        return Noun(gender, animate, singular, singular, countable=False)
    return Noun(gender, animate, singular, _list_plural(nominative, genitive, animate))


_Declined = tuple[str, tuple[str, ...], tuple[str, str]]


def _decline_in_a(word: str, key: str) -> _Declined:
    stem, soft = word[:-1], word[-1] == "я"
    many = stem + ("и" if soft or stem[-1] in _WITHOUT_Y else "ы")
    dative = stem + ("и" if word.endswith("ия") else "е")
    stressed = key in known.STRESSED_ENDING
    if soft:
        instrumental = stem + ("ёй" if stressed else "ей")
    else:
        instrumental = stem + ("ей" if stem[-1] in _HUSHING + "ц" and not stressed else "ой")
    endings = (many, dative, stem + ("ю" if soft else "у"), instrumental, dative)
    gender = "masc" if key in known.MASCULINE_A else "femn"
    return gender, endings, (many, _drop_ending(stem, soft))


def _decline_feminine_soft(word: str, key: str) -> _Declined:
    stem = known.STEMS.get(key, word[:-1])
    instrumental = f"{stem if len(stem) >= len(word) else word[:-1]}ью"
    endings = (f"{stem}и", f"{stem}и", word, instrumental, f"{stem}и")
    return "femn", endings, (f"{stem}и", f"{stem}ей")


def _decline_neuter(word: str, key: str) -> _Declined:
    stem, last = word[:-1], word[-1]
    if word.endswith("мя"):
        endings = (f"{stem}ени", f"{stem}ени", word, f"{stem}енем", f"{stem}ени")
        return "neut", endings, (f"{stem}ена", f"{stem}ён")
    soft = last != "о" and stem[-1] not in _HUSHING + "ц"
    a, u = "яю" if soft else "ау"
    locative = stem + ("и" if word.endswith("ие") else "ё" if last == "ё" else "е")
    endings = (stem + a, stem + u, word, f"{word}м", locative)
    if soft:
        return "neut", endings, (f"{stem}я", f"{stem[:-1]}ий" if stem[-1] in "иь" else f"{stem}ей")
    small = stem[-1] == "к"
    return "neut", endings, (stem + ("и" if small else "а"), _drop_ending(stem, False, neuter=True))


def _decline_masculine(word: str, key: str, animate: bool) -> _Declined:
    last = word[-1] if word[-1] in "йь" else ""
    stem = _make_masculine_stem(word, key)
    a, u = "яю" if last else "ау"
    endings = (stem + a, stem + u, word, stem + _end_instrumental(stem, last, key))
    locative = stem + ("и" if word.endswith("ий") else "е")
    return "masc", (*endings, locative), _make_masculine_plural(word, stem, last, animate)


def _end_instrumental(stem: str, last: str, key: str) -> str:
    if last == "й":
        return "ём" if stem[-1] == "ь" else "ем"
    if last == "ь":
        return "ём" if key in known.STRESSED_ENDING else "ем"
    if stem[-1] == "ц":
        return "ом" if key in known.STRESSED_ENDING else "ем"
    return "ем" if key in known.UNSTRESSED_ENDING else "ом"


def _make_masculine_plural(word: str, stem: str, last: str, animate: bool) -> tuple[str, str]:
    if animate and re.search("[её]нок$", word):
        return f"{word[:-4]}ята", f"{word[:-4]}ят"
    if animate and re.search("[жшч]онок$", word):
        return f"{word[:-4]}ата", f"{word[:-4]}ат"
    if word.endswith(("анин", "янин")):
        return f"{word[:-2]}е", word[:-2]
    many = stem + ("и" if last or stem[-1] in _WITHOUT_Y else "ы")
    if last == "ь" or (not last and stem[-1] in _HUSHING):
        return many, f"{stem}ей"
    unstressed = stem[-1] == "ц" and word.replace("ё", "е") not in known.STRESSED_ENDING
    return many, stem + ("ев" if last or unstressed else "ов")


def _make_masculine_stem(word: str, key: str) -> str:
    if key in known.STEMS:
        return known.STEMS[key]
    vowels = sum(letter in _VOWELS for letter in word)
    if vowels > 1 and key not in known.FULL_STEMS:
        if match := re.fullmatch(r"(.*[^аеёиоуыэюя])ок", word):
            return f"{match[1]}к"
        if match := re.fullmatch(r"(.*[жшчщ])[её]к", word):
            return f"{match[1]}к"
        if match := re.fullmatch(r"(.*)[её]к", word):
            return match[1] + ("йк" if match[1][-1] in _VOWELS else "ьк")
        if match := re.fullmatch(r"(.*?)([аеёиоуыэюя][^аеёиоуыэюя]?)ец", word):
            softened = {"л": "ь"}.get(word[-3], "й" if word[-3] in _VOWELS else "")
            return f"{match[1]}{match[2]}{softened}ц"
    return word[:-1] if word[-1] in "йь" else word


def _drop_ending(stem: str, soft: bool, neuter: bool = False) -> str:
    """Returns the genitive of the plural without an ending, with the vowel that it may need."""
    last, before = stem[-1], stem[-2:-1]
    if soft and last in _VOWELS:
        return f"{stem}й"
    if soft and last == "ь":
        return f"{stem[:-1]}ий"
    if not before or before in _VOWELS:
        return f"{stem}ь" if soft else stem
    if last == "к":
        if before in "ьй":
            return f"{stem[:-2]}ек"
        return f"{stem[:-1]}{'е' if before in _HUSHING else 'о'}к"
    if soft and last in "лн":
        return f"{stem[:-1].removesuffix('ь')}е{'ль' if last == 'л' else 'н'}"
    if last == "ц":
        return f"{stem[:-1].removesuffix('ь')}ец"
    if neuter and last in "лн":
        return f"{stem[:-1]}{'о' if before in 'гк' else 'е'}{last}"
    return f"{stem}ь" if soft else stem


def _is_feminine(key: str) -> bool:
    if key in known.FEMININE_SOFT or key in known.MASCULINE_SOFT:
        return key in known.FEMININE_SOFT
    return key[-2] in "жшчщтдвпбс" or key.endswith("знь")


def _make_plural_genitive(word: str, key: str) -> str:
    """Returns the genitive of a noun in the plural nominative. Cannot know its gender, and takes
    the more usual one for each ending."""
    stem = word[:-1]
    if key in known.PLURAL_GENITIVES:
        return known.PLURAL_GENITIVES[key]
    if word[-1] in "ая":
        return _drop_ending(stem, soft=word[-1] == "я", neuter=True)
    if key in known.FEMININE_PLURALS or word.endswith(
        ("ицы", "чки", "шки", "жки", "тки", "лки", "нки", "вки", "йки", "ьки", "дки")
    ):
        return _drop_ending(stem, soft=False)
    if word[-1] == "ы" or stem[-1] in "кгх":
        return stem + ("ев" if stem[-1] == "ц" else "ов")
    if stem[-1] in _VOWELS:
        return stem + ("й" if stem[-1] == "и" else "ев")
    return f"{stem}ей"


def _list_plural(nominative: str, genitive: str, animate: bool) -> dict[str, str]:
    stem = nominative[:-1]
    a = "а" if nominative[-1] in "аые" or stem[-1] in _WITHOUT_Y else "я"
    accusative = genitive if animate else nominative
    instrumental = _INSTRUMENTALS.get(nominative, f"{stem}{a}ми")
    forms = (nominative, genitive, f"{stem}{a}м", accusative, instrumental, f"{stem}{a}х")
    return dict(zip(CASES, forms, strict=True))
