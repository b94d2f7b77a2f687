"""The words that an operator has accepted as tags, and which of them a product's own data has."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import connection

from catalog.models import Tag
from catalog.models.product import content_hash

IS_DESCRIBED = (
    "(product.category_id IS NOT NULL OR product.keywords <> '{}'"
    " OR catalog_attribute_words(product.attributes) <> '{}')"
)
"""The SQL condition that the shop has described `product` by more than texts. Of a product that is
not described, nobody knows which words it should have."""

PRODUCT_TEXTS = f"""
    WITH RECURSIVE paths AS (
        SELECT id, name, name_ru, parent_id FROM catalog_category
        UNION
        SELECT paths.id, parent.name, parent.name_ru, parent.parent_id
        FROM paths JOIN catalog_category parent ON parent.id = paths.parent_id
    ), steps AS (
        SELECT id, array_agg(name) || array_agg(name_ru) AS names FROM paths GROUP BY id
    )
    SELECT product.id, product.text_hash, ARRAY[title, title_ru] || keywords,
        coalesce(steps.names, '{{}}'), catalog_attribute_words(attributes), {IS_DESCRIBED}
    FROM catalog_product product LEFT JOIN steps ON steps.id = product.category_id
    WHERE product.id = ANY(%s) ORDER BY product.id
"""


@dataclass(frozen=True)
class ProductTexts:
    """The texts that a product is tagged from, and their hash. Words are looked for in `texts`: the
    titles and the keywords. `categories`, the names on the category's path, and the values of
    `attributes` have to be the word itself: a product of "Doors and windows" is not both."""

    product_id: int
    text_hash: str
    texts: list[str]
    categories: list[str]
    attributes: list[str]
    is_described: bool

    @property
    def whole(self) -> list[str]:
        """The names that have to be the word itself."""
        return [name for path in self.categories for name in path.split("/")] + self.attributes


@dataclass(frozen=True)
class Vocabulary:
    """The accepted tags."""

    tags: tuple[Tag, ...]

    @cached_property
    def checksum(self) -> str:
        """A checksum of the names of the tags in both languages."""
        return content_hash(repr([(t.pk, t.name, t.name_ru) for t in self.tags]).encode())

    def find_tags(self, product: ProductTexts) -> list[Tag]:
        """Returns the tags whose word the product's own data has."""
        whole = (i for name in product.whole for i in self._by_name.get(normalise(name), ()))
        return [self.tags[i] for i in sorted({*self._find_named(product.texts), *whole})]

    def find_named(self, texts: Iterable[str]) -> list[Tag]:
        """Returns the tags whose English or Russian name is in one of `texts`, in whole words."""
        return [self.tags[i] for i in sorted(self._find_named(texts))]

    def _find_named(self, texts: Iterable[str]) -> set[int]:
        found: set[int] = set()
        for text in texts:
            words = normalise(text).split()
            for length in self._lengths:
                for start in range(len(words) - length + 1):
                    found.update(self._by_name.get(" ".join(words[start : start + length]), ()))
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Maps normalised names, in either language, to positions in `tags`."""
        positions: dict[str, list[int]] = {}
        for i, tag in enumerate(self.tags):
            for name in filter(None, {normalise(tag.name), normalise(tag.name_ru)}):
                positions.setdefault(name, []).append(i)
        return positions

    @cached_property
    def _lengths(self) -> list[int]:
        """The numbers of words in the names."""
        return sorted({len(name.split()) for name in self._by_name})


def read_vocabulary() -> Vocabulary:
    """Reads the accepted tags."""
    return Vocabulary(tuple(Tag.objects.accepted()))


def read_product_texts(product_ids: Sequence[int]) -> list[ProductTexts]:
    """Returns the texts of the products that exist, ordered by id."""
    with connection.cursor() as cursor:
        cursor.execute(PRODUCT_TEXTS, [list(product_ids)])
        return [ProductTexts(*row) for row in cursor.fetchall()]


def normalise(text: str) -> str:
    """Returns the words in lower case, with ё as е and without the s of English plurals. A letter
    with a hyphen belongs to its word: a T-shirt is no shirt."""
    joined = re.sub(r"\b(\w)-(?=\w)", r"\1", text.lower().replace("ё", "е"))
    words = re.findall(r"\w+", joined)
    return " ".join(w[:-1] if len(w) > 3 and w.endswith("s") and w.isascii() else w for w in words)


def is_russian(text: str) -> bool:
    """Returns whether a text has Cyrillic letters."""
    return re.search("[а-яё]", text.lower()) is not None
