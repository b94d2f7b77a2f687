"""Suggests what to search for while a shopper types."""

from django.core.cache import caches

from catalog.index.search_terms import correct_word, suggest_names
from catalog.models.product import content_hash

MIN_LETTERS = 2
MAX_SUGGESTIONS = 8
CACHED_S = 300


def suggest(text: str) -> list[str]:
    """Returns at most MAX_SUGGESTIONS names with a word that begins with the text, or if there are
    none, with the word that the text is a typo of. Remembers them for CACHED_S."""
    prefix = " ".join(text.lower().split())
    if len(prefix) < MIN_LETTERS:
        return []
    key = content_hash(f"suggestions {prefix}".encode())
    found: list[str] | None = caches["default"].get(key)
    if found is None:
        found = suggest_names(prefix, MAX_SUGGESTIONS)
        if not found and (word := correct_word(prefix)):
            found = suggest_names(word, MAX_SUGGESTIONS)
        caches["default"].set(key, found, CACHED_S)
    return found
