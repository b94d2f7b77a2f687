"""Articles and plurals of English names of things."""

import re

# In "pair of shoes" and "bed with drawers", the noun comes before one of these words.
_AFTER_THE_NOUN = re.compile(r" (?:of|with|for|on|in|at|and|without|to|from) |,|\(")
_IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "scarf": "scarves",
    "shelf": "shelves",
    "tooth": "teeth",
    "wolf": "wolves",
    "woman": "women",
}
_SAME = {"deer", "fish", "furniture", "jeans", "scissors", "series", "sheep", "trousers"}


def add_article(name: str) -> str:
    """Puts "a" before the name, or "an" if it begins with a vowel."""
    return f"{'an' if name[:1].lower() in set('aeiou') else 'a'} {name}"


def make_plural(name: str) -> str:
    """Makes "glasses" of "glass" and "pairs of shoes" of "pair of shoes". Leaves plurals
    unchanged."""
    end = _AFTER_THE_NOUN.search(name)
    head = name[: end.start()] if end else name
    before, _, noun = head.rpartition(" ")
    return f"{before} {_plural_noun(noun)}".strip() + name[len(head) :]


def _plural_noun(noun: str) -> str:
    low = noun.lower()
    if low in _SAME or (low.endswith("s") and not low.endswith(("ss", "us", "is"))):
        return noun
    if low in _IRREGULAR:
        return _IRREGULAR[low]
    if low.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if low.endswith("y") and low[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"
