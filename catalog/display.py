"""Products with all that a page shows of them, read in one statement."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from catalog.models import Category, Product, ProductImage, ProductTag, Tag
from catalog.rows import rows_of

FIELDS = (
    "id",
    "sku",
    "title",
    "title_ru",
    "category_id",
    "brand",
    "price",
    "currency",
    "in_stock",
    "url",
)
"""In the order of the model."""

SHOWN = f"""
    SELECT {", ".join(f"product.{name}" for name in FIELDS)},
        category.slug, category.name, category.name_ru,
        (SELECT json_agg(json_build_array(image.id, image.position, image.file)
                         ORDER BY image.position)::text
         FROM catalog_productimage image WHERE image.product_id = product.id),
        (SELECT json_agg(json_build_array(tag.id, tag.slug, tag.name, tag.name_ru, given.score)
                         ORDER BY given.score DESC, tag.id)::text
         FROM catalog_producttag given JOIN catalog_tag tag ON tag.id = given.tag_id
         WHERE given.product_id = product.id)
    FROM catalog_product product
    LEFT JOIN catalog_category category ON category.id = product.category_id
    WHERE product.id = ANY(%s) AND product.is_visible
"""


def products_for_display(ids: Sequence[int]) -> dict[int, Product]:
    """The visible ones of these products by id, with category, photos and tags; what is not shown
    is read when it is asked for."""
    tags: dict[int, Tag] = {}
    return {row[0]: _product(row, tags) for row in rows_of(SHOWN, [list(ids)])}


def _product(row: Sequence[Any], known: dict[int, Tag]) -> Product:
    """`known`: tags of other products, and of this one afterwards."""
    values, (slug, name, name_ru, images, tags) = row[: len(FIELDS)], row[len(FIELDS) :]
    product: Any = Product.from_db(connection.alias, FIELDS, values)
    if product.category_id is not None:
        category = Category(id=product.category_id, slug=slug, name=name, name_ru=name_ru)
        product._state.fields_cache["category"] = category
    given = json.loads(tags or "[]")
    for pk, slug, name, name_ru, _ in given:
        if pk not in known:
            known[pk] = Tag(id=pk, slug=slug, name=name, name_ru=name_ru)
    product._prefetched_objects_cache = {
        "images": [
            ProductImage(id=pk, product_id=product.pk, position=position, file=file)
            for pk, position, file in json.loads(images or "[]")
        ],
        "product_tags": [
            ProductTag(product_id=product.pk, tag=known[pk], score=score) for pk, *_, score in given
        ],
    }
    return product
