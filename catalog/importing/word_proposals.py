"""Proposes tags: words that many products of the shop have in common.

The words are the names of categories, keywords, and the values of attributes. An operator accepts
or refuses them in the console."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.text import slugify

from catalog.index.vocabulary import is_russian, normalise
from catalog.models import Product, Tag

MIN_PRODUCTS = 5  # visible products, to propose a word that they have
MAX_SHARE = 0.5  # of the visible products; a word of more of them tells nothing
MAX_PROPOSALS = 200  # open at a time
MAX_ATTRIBUTE_VALUES = 100  # different values; an attribute with more of them holds names or codes
MAX_WORDS_READ = 5_000  # the most frequent ones
MAX_LENGTH = 40  # characters
MAX_EXAMPLES = 3
PROPOSALS_LOCK = 0x5649_5457  # advisory: one import at a time proposes words

WORDS = r"""
    WITH RECURSIVE paths AS (
        SELECT id, name, name_ru, parent_id FROM catalog_category
        UNION
        SELECT paths.id, parent.name, parent.name_ru, parent.parent_id
        FROM paths JOIN catalog_category parent ON parent.id = paths.parent_id
    ), visible AS MATERIALIZED (
        SELECT id, category_id, keywords, popularity,
            CASE jsonb_typeof(attributes) WHEN 'object' THEN attributes ELSE '{}' END AS attributes
        FROM catalog_product WHERE is_visible
    ), of_categories AS (
        SELECT visible.id AS product_id, step.name, step.name_ru
        FROM visible JOIN paths ON paths.id = visible.category_id
        CROSS JOIN LATERAL ROWS FROM (
            regexp_split_to_table(paths.name, '/'), regexp_split_to_table(paths.name_ru, '/')
        ) AS step (name, name_ru)
    ), fields AS (
        SELECT id, key, value FROM visible CROSS JOIN LATERAL jsonb_each(attributes)
        UNION ALL
        SELECT id, 'keywords', to_jsonb(keywords) FROM visible
    ), of_fields AS MATERIALIZED (
        SELECT field.id AS product_id, field.key, word.value #>> '{}' AS name,
            jsonb_path_query_first(
                visible.attributes -> (field.key || '_ru'),
                ('$[' || word.number - 1 || '] ? (@.type() == "string")')::jsonpath) #>> '{}'
                AS name_ru
        FROM fields field JOIN visible USING (id)
        CROSS JOIN LATERAL jsonb_path_query(field.value, '$[*]')
            WITH ORDINALITY AS word (value, number)
        WHERE jsonb_typeof(word.value) = 'string'
            AND NOT (right(field.key, 3) = '_ru' AND (
                field.key = 'keywords_ru' OR visible.attributes ? left(field.key, -3)))
    ), words AS (
        SELECT product_id, trim(name) AS name, trim(coalesce(name_ru, '')) AS name_ru
        FROM (
            SELECT product_id, name, name_ru FROM of_categories
            UNION ALL
            SELECT product_id, name, name_ru FROM of_fields
            WHERE key = 'keywords' OR key IN (
                SELECT key FROM of_fields GROUP BY key HAVING count(DISTINCT name) <= %(values)s)
        ) AS every
        WHERE name !~ '[0-9]' AND length(name) BETWEEN 2 AND %(length)s
    ), keyed AS (
        SELECT DISTINCT ON (product_id, key) *
        FROM (
            SELECT *, trim(regexp_replace(regexp_replace(regexp_replace(
                translate(lower(name), 'ё', 'е'), '\m(\w)-(?=\w)', '\1', 'g'),
                '\W+', ' ', 'g'), '\m([a-z_]{3,})s\M', '\1', 'g')) AS key
            FROM words
        ) AS normalised
        ORDER BY product_id, key, name_ru DESC, name
    )
    SELECT key, mode() WITHIN GROUP (ORDER BY name),
        mode() WITHIN GROUP (ORDER BY nullif(name_ru, '')), count(*),
        (array_agg(product_id ORDER BY popularity DESC, product_id))[:%(examples)s],
        (SELECT count(*) FROM visible)
    FROM keyed JOIN visible ON visible.id = keyed.product_id
    GROUP BY key HAVING count(*) >= %(least)s ORDER BY count(*) DESC, key LIMIT %(most)s
"""
"""Columns: the normalised word, its most frequent spellings in both languages, the number of
visible products that have it, some of them, and the number of all visible products. `key` must
equal `vocabulary.normalise`. The value of an attribute `x` and that of `x_ru` are one word."""

_NAME = re.compile(r"[^\W\d_](?:[\w '’&,.+-]*[\w.])?")
_USELESS = frozenset(
    normalise(word)
    for word in (
        *("yes", "no", "true", "false", "none", "null", "n/a", "unknown", "other", "others"),
        *("all", "any", "new", "sale", "misc", "miscellaneous", "default", "uncategorized"),
        *("да", "нет", "другое", "прочее", "разное", "все", "новинка", "новинки", "распродажа"),
    )
)


@dataclass(frozen=True)
class CommonWord:
    """A word that `products` visible products have, with its name in each language where the shop
    gives it. `examples`: the ids of the most popular of them."""

    name: str
    name_ru: str
    products: int
    examples: list[int]

    @property
    def keys(self) -> set[str]:
        return {normalise(name) for name in (self.name, self.name_ru)} - {""}


def propose_words() -> int:
    """Proposes the common words of the catalogue as tags, and withdraws proposals that are no
    longer common. Leaves accepted and refused tags as they are, but updates their figures. Returns
    the number of open proposals."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PROPOSALS_LOCK])
        return _write_proposals(find_common_words())


def find_common_words() -> list[CommonWord]:
    """Returns the words that may be tags, the most common first."""
    parameters = {
        "values": MAX_ATTRIBUTE_VALUES,
        "length": MAX_LENGTH,
        "examples": MAX_EXAMPLES,
        "least": MIN_PRODUCTS,
        "most": MAX_WORDS_READ,
    }
    with connection.cursor() as cursor:
        cursor.execute(WORDS, parameters)
        rows = cursor.fetchall()
    brands = Product.objects.visible().order_by().values_list("brand", flat=True).distinct()
    useless = _USELESS | {normalise(brand) for brand in brands}
    found: list[CommonWord] = []
    for key, name, name_ru, products, examples, visible in rows:
        if key not in useless and products <= MAX_SHARE * visible:
            found.append(CommonWord(*_by_language(name, name_ru or ""), products, examples))
    paired = {normalise(word.name_ru) for word in found if word.name}
    return [
        word
        for word in found
        if all(_is_word(name) for name in (word.name, word.name_ru) if name)
        and (word.name or normalise(word.name_ru) not in paired)
    ]


def _by_language(name: str, name_ru: str) -> tuple[str, str]:
    """Returns the English and the Russian name. A shop may give Russian names without saying so."""
    if is_russian(name):
        return ("" if is_russian(name_ru) else name_ru), name
    return name, (name_ru if is_russian(name_ru) else "")


def _is_word(name: str) -> bool:
    """Returns whether a name has two letters or more, and nothing but letters and signs that words
    have."""
    letters = sum(letter.isalpha() for letter in name)
    return letters > 1 and _NAME.fullmatch(unicodedata.normalize("NFC", name)) is not None


def _write_proposals(words: Sequence[CommonWord]) -> int:
    known = _tags_by_key(Tag.objects.all())
    kept, updated, created = set(), [], []
    slugs = set(Tag.objects.values_list("slug", flat=True))
    for word in words:
        tags = {tag.pk: tag for key in word.keys for tag in known.get(key, ())}.values()
        for tag in tags:
            kept.add(tag.pk)
            tag.products, tag.examples = word.products, word.examples
            updated.append(tag)
        slug = slugify(word.name or word.name_ru, allow_unicode=True)[:100]
        if not tags and slug and slug not in slugs:
            slugs.add(slug)
            created.append(_proposal(slug, word))
    Tag.objects.bulk_update(updated, ["products", "examples"], batch_size=1_000)
    Tag.objects.proposed().exclude(pk__in=kept).delete()
    room = max(0, MAX_PROPOSALS - Tag.objects.proposed().count())
    Tag.objects.bulk_create(created[:room], ignore_conflicts=True)
    return Tag.objects.proposed().count()


def _proposal(slug: str, word: CommonWord) -> Tag:
    return Tag(
        slug=slug,
        name=word.name,
        name_ru=word.name_ru,
        state=Tag.State.PROPOSED,
        products=word.products,
        examples=word.examples,
    )


def _tags_by_key(tags: Iterable[Tag]) -> dict[str, list[Tag]]:
    """Maps the normalised names of tags, in either language, to the tags."""
    found: dict[str, list[Tag]] = {}
    for tag in tags:
        for key in {normalise(tag.name), normalise(tag.name_ru)} - {""}:
            found.setdefault(key, []).append(tag)
    return found
