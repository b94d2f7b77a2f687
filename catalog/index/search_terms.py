"""Collects the words and names that searches know, corrects typos by them, and suggests names."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from catalog.index.prepared_sql import fetch_rows

MAX_TITLES = 50_000  # in each language; the most frequent and popular titles are suggested
MIN_TYPO_LENGTH = 4  # characters of a word that may be a typo
TWO_TYPOS_LENGTH = 8  # characters of a word that may have two typos
MIN_SIMILARITY = 0.15  # of trigrams: `lapm` has 0.25 with `lamp`, `chiar` 0.2 with `chair`
MAX_CANDIDATES = 200  # terms with similar trigrams, whose distance is measured

COLLECT = """
    CREATE TEMP TABLE fresh_terms AS
    SELECT 'word' AS kind, word AS text, ndoc AS products FROM ts_stat($$
        SELECT to_tsvector('simple', concat_ws(' ', title, title_ru, catalog_words(keywords)))
        FROM catalog_product WHERE is_visible $$)
    WHERE word ~ '^[[:alpha:]]{3,40}$'
    UNION ALL (SELECT 'title', title, count(*) FROM catalog_product
        WHERE is_visible AND title <> '' GROUP BY title
        ORDER BY count(*) DESC, max(popularity) DESC LIMIT %(titles)s)
    UNION ALL (SELECT 'title', title_ru, count(*) FROM catalog_product
        WHERE is_visible AND title_ru NOT IN ('', title) GROUP BY title_ru
        ORDER BY count(*) DESC, max(popularity) DESC LIMIT %(titles)s)
    UNION ALL SELECT 'category', name, sum(products) FROM (
        SELECT unnest(ARRAY[category.name, category.name_ru]) AS name, count(*) AS products
        FROM catalog_product product JOIN catalog_category category
            ON category.id = product.category_id
        WHERE product.is_visible GROUP BY category.id) named WHERE name <> '' GROUP BY name
    UNION ALL SELECT 'tag', name, sum(products) FROM (
        SELECT unnest(ARRAY[tag.name, tag.name_ru]) AS name, count(*) AS products
        FROM catalog_producttag given JOIN catalog_tag tag ON tag.id = given.tag_id
        WHERE tag.state = 'accepted' GROUP BY tag.id) named WHERE name <> '' GROUP BY name
"""
ADD = """
    INSERT INTO catalog_searchterm (kind, text, products)
    SELECT kind, text, 1 FROM (
        SELECT 'word' AS kind, unnest(tsvector_to_array(to_tsvector('simple',
            concat_ws(' ', title, title_ru, catalog_words(keywords))))) AS text
        FROM catalog_product WHERE id = ANY(%(ids)s) AND is_visible
        UNION SELECT 'title', unnest(ARRAY[title, title_ru])
        FROM catalog_product WHERE id = ANY(%(ids)s) AND is_visible
    ) term WHERE text <> '' AND (kind = 'title' OR text ~ '^[[:alpha:]]{3,40}$')
    ORDER BY kind, text ON CONFLICT DO NOTHING
"""
REMOVE = """
    DELETE FROM catalog_searchterm term WHERE NOT EXISTS (
        SELECT FROM fresh_terms fresh WHERE fresh.kind = term.kind AND fresh.text = term.text)
"""
WRITE = """
    INSERT INTO catalog_searchterm AS term (kind, text, products)
    SELECT kind, text, max(products) FROM fresh_terms GROUP BY kind, text
    ON CONFLICT (kind, text) DO UPDATE SET products = excluded.products
    WHERE term.products <> excluded.products
"""
SIMILAR_WORDS = """
    SELECT text, products FROM catalog_searchterm
    WHERE kind = 'word' AND text %% %(word)s AND abs(length(text) - length(%(word)s)) <= %(typos)s
    ORDER BY similarity(text, %(word)s) DESC, text LIMIT %(count)s
"""
NAMES = """
    SELECT text FROM (
        SELECT DISTINCT ON (lower(text)) text, kind, products FROM catalog_searchterm
        WHERE kind <> 'word' AND (text ILIKE %s OR text ILIKE %s)
        ORDER BY lower(text), products DESC, kind
    ) term ORDER BY text ILIKE %s DESC, products DESC, text LIMIT %s
"""


def collect_terms() -> None:
    """Brings the terms up to date with the visible products, the categories and the tags. Two
    processes that collect at once wait for each other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE catalog_searchterm IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(COLLECT, {"titles": MAX_TITLES})
        cursor.execute(REMOVE)
        cursor.execute(WRITE)
        cursor.execute("DROP TABLE fresh_terms")  # a caller's transaction may collect again


def add_terms(product_ids: Sequence[int]) -> None:
    """Adds the words and the titles of some products, without counting them: `collect_terms` does.
    Reads only these products."""
    with connection.cursor() as cursor:
        cursor.execute(ADD, {"ids": list(product_ids)})


def correct_word(word: str) -> str | None:
    """Returns the word of the catalogue that a typo most probably stands for, or None. One typo is
    an added, missing or wrong letter, or two letters in the wrong order. Without the extension
    pg_trgm, no word is corrected."""
    if len(word) < MIN_TYPO_LENGTH or not word.isalpha() or not has_trigrams():
        return None
    allowed = 1 if len(word) < TWO_TYPOS_LENGTH else 2
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL pg_trgm.similarity_threshold = {MIN_SIMILARITY}")
        parameters: dict[str, Any] = {"word": word, "typos": allowed, "count": MAX_CANDIDATES}
        cursor.execute(SIMILAR_WORDS, parameters)
        found = [(edit_distance(word, text), -products, text) for text, products in cursor]
    near = [item for item in found if item[0] <= allowed]
    return min(near)[2] if near else None


def suggest_names(prefix: str, count: int) -> list[str]:
    """Returns at most `count` names of categories, tags and titles with a word that begins with
    `prefix`: first those that begin with it themselves, then those of the most products."""
    pattern = "".join(f"\\{c}" if c in "\\%_" else c for c in prefix)
    at_start, at_word = f"{pattern}%", f"% {pattern}%"
    return [text for (text,) in fetch_rows(NAMES, [at_start, at_word, at_start, count])]


def edit_distance(one: Sequence, other: Sequence) -> int:
    """Returns the number of insertions, deletions, substitutions and swaps of neighbours that turn
    one sequence into the other (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


@lru_cache(maxsize=1)
def has_trigrams() -> bool:
    """Whether the database has the extension pg_trgm. Asks once in each process."""
    return bool(fetch_rows("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'", []))
