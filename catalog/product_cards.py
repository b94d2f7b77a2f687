"""Reads the products of a page of results."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.core.files.storage import default_storage

from catalog.index.prepared_sql import fetch_rows
from catalog.models.product import in_active_language

CARDS_SQL = """
    WITH tags AS (
        SELECT given.product_id, json_agg(json_build_array(tag.slug, tag.name, tag.name_ru)
                                          ORDER BY given.score DESC, tag.id)::text AS named
        FROM catalog_producttag given JOIN catalog_tag tag ON tag.id = given.tag_id
        WHERE given.product_id = ANY(%(ids)s) GROUP BY given.product_id)
    SELECT product.id, product.sku, product.title, product.title_ru, product.brand, product.price,
        product.currency, product.in_stock, product.url,
        (SELECT image.file FROM catalog_productimage image
         WHERE image.product_id = product.id ORDER BY image.position LIMIT 1),
        EXISTS (SELECT FROM catalog_variant variant WHERE variant.product_id = product.id),
        category.slug, category.name, category.name_ru, tags.named
    FROM catalog_product product
    LEFT JOIN catalog_category category ON category.id = product.category_id
    LEFT JOIN tags ON tags.product_id = product.id
    WHERE product.id = ANY(%(ids)s) AND product.is_visible
"""
"""The columns have the order of ProductCard's fields. The category and the tags come last."""


VARIANTS_SQL = """
    SELECT variant.product_id, variant.sku, variant.options::text, variant.price, variant.in_stock,
        variant.url, (
            SELECT image.file FROM unnest(variant.image_ids) WITH ORDINALITY AS given (id, place)
            JOIN catalog_productimage image
                ON image.product_id = variant.product_id AND image.id = given.id
            ORDER BY given.place LIMIT 1)
    FROM catalog_variant variant WHERE variant.product_id = ANY(%s)
    ORDER BY variant.product_id, variant.position, variant.id
"""

CATEGORIES_SQL = "SELECT id, category_id FROM catalog_product WHERE id = ANY(%s) AND is_visible"


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
    first. `variants` are only there where they have been read."""

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
    has_variants: bool
    category: CategoryOrTag | None
    tags: list[CategoryOrTag]
    variants: Sequence["VariantCard"] = ()

    @property
    def label(self) -> str:
        return in_active_language(self.title, self.title_ru) or self.sku

    @property
    def photo_url(self) -> str | None:
        return default_storage.url(self.file) if self.file else None


class VariantCard(NamedTuple):
    """The parts of a variant that a list of results shows, under the names of `Variant`'s fields.
    `file` is the name in the storage of the photo that shows it."""

    sku: str
    options: dict[str, str]
    price: Decimal
    in_stock: bool
    url: str
    file: str | None

    @property
    def photo_url(self) -> str | None:
        return default_storage.url(self.file) if self.file else None

    @property
    def options_text(self) -> str:
        """The values of the options, such as "blue, M"."""
        return ", ".join(self.options[name] for name in sorted(self.options))


def read_categories(ids: Sequence[int]) -> dict[int, int | None]:
    """Returns the ids of the categories of the visible products among `ids`, by id."""
    return {row.id: row.category_id for row in fetch_rows(CATEGORIES_SQL, [list(ids)])}


def read_product_cards(ids: Sequence[int]) -> dict[int, ProductCard]:
    """Returns the cards of the visible products among `ids`, by id."""
    cards = {}
    for *values, slug, name, name_ru, given in fetch_rows(CARDS_SQL, {"ids": list(ids)}):
        category = None if slug is None else CategoryOrTag(slug, name, name_ru)
        tags = [CategoryOrTag(*tag) for tag in json.loads(given or "[]")]
        cards[values[0]] = ProductCard._make([*values, category, tags, ()])
    return cards


def read_variant_cards(product_ids: Sequence[int]) -> dict[int, list[VariantCard]]:
    """Returns the variants of products in order, each with its first photo, by the id of the
    product."""
    variants: dict[int, list[VariantCard]] = {}
    for product_id, sku, options, *others in fetch_rows(VARIANTS_SQL, [list(product_ids)]):
        card = VariantCard(sku, json.loads(options), *others)
        variants.setdefault(product_id, []).append(card)
    return variants
