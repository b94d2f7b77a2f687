"""The attributes of products that lie beside their vectors in another store, so that its graph can
be searched under filters. They change rarely. Price, stock and visibility are not among them: their
changes are not noted, and PostgreSQL tests them at every answer."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

CATEGORY, BRAND, TAG, OPTION = "category", "brand", "tag", "option"
INTEGERS, KEYWORDS = (CATEGORY,), (BRAND, TAG, OPTION)  # by the type of their values

ATTRIBUTES = """
    SELECT product.id, product.category_id, product.brand,
        ARRAY(SELECT tag.slug FROM catalog_producttag link
            JOIN catalog_tag tag ON tag.id = link.tag_id
            WHERE link.product_id = product.id ORDER BY 1),
        ARRAY(SELECT DISTINCT name || ':' || value FROM catalog_variant variant
            CROSS JOIN LATERAL jsonb_each_text(variant.options) AS option (name, value)
            WHERE variant.product_id = product.id ORDER BY 1)
    FROM catalog_product product WHERE product.id = ANY(%s)
"""


def read_attributes(product_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Returns the present attributes of those of the products that exist."""
    with connection.cursor() as cursor:
        cursor.execute(ATTRIBUTES, [list(product_ids)])
        return {
            product_id: {CATEGORY: category, BRAND: brand, TAG: tags, OPTION: options}
            for product_id, category, brand, tags, options in cursor.fetchall()
        }
