"""Reads the products of a page of results in one statement."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.core.files.storage import default_storage

from catalog.index.prepared_sql import fetch_rows
from catalog.models.product import in_active_language

CARDS_SQL = """
    SELECT product.id, product.sku, product.title, product.title_ru, product.brand, product.price,
        product.currency, product.in_stock, product.url,
        (SELECT image.file FROM catalog_productimage image
         WHERE image.product_id = product.id ORDER BY image.position LIMIT 1),
        category.slug, category.name, category.name_ru,
        (SELECT json_agg(json_build_array(tag.slug, tag.name, tag.name_ru)
                         ORDER BY given.score DESC, tag.id)::text
         FROM catalog_producttag given JOIN catalog_tag tag ON tag.id = given.tag_id
         WHERE given.product_id = product.id)
    FROM catalog_product product
    LEFT JOIN catalog_category category ON category.id = product.category_id
    WHERE product.id = ANY(%s) AND product.is_visible
"""
"""The columns have the order of ProductCard's fields. The category and the tags come last."""


class CategoryOrTag(NamedTuple):
    """A category or a tag."""

    slug: str
    name: str
    name_ru: str

    @property
    def label(self) -> str:
        return in_active_language(self.name, self.name_ru)


class ProductCard(NamedTuple):
    """The parts of a product that a list of results shows, under the names of `Product`'s fields.
    `file` is the first photo's name in the storage. The tags with the highest scores come
    first."""

    pk: int
    sku: str
    title: str
    title_ru: str
    brand: str
    price: Decimal
    currency: str
    in_stock: bool
    url: str
    file: str | None
    category: CategoryOrTag | None
    tags: list[CategoryOrTag]

    @property
    def label(self) -> str:
        return in_active_language(self.title, self.title_ru) or self.sku

    @property
    def photo_url(self) -> str | None:
        return default_storage.url(self.file) if self.file else None


def read_product_cards(ids: Sequence[int]) -> dict[int, ProductCard]:
    """Returns the cards of the visible products among `ids`, by id."""
    cards = {}
    for *values, slug, name, name_ru, given in fetch_rows(CARDS_SQL, [list(ids)]):
        category = None if slug is None else CategoryOrTag(slug, name, name_ru)
        tags = [CategoryOrTag(*tag) for tag in json.loads(given or "[]")]
        cards[values[0]] = ProductCard._make([*values, category, tags])
    return cards
