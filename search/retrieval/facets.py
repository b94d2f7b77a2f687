"""Counts by category, brand, tag and price over what matched, in the statement that finds it."""

from typing import Any

from catalog.models.product import in_active_language

VALUES_PER_FACET = 20

FACETS = f"""
    json_build_object(
        'category', (SELECT json_agg(value) FROM (
            SELECT category.slug, category.name, category.name_ru, count(*) AS count
            FROM product JOIN catalog_category category ON category.id = product.category_id
            GROUP BY category.id ORDER BY count DESC, category.id LIMIT {VALUES_PER_FACET}) value),
        'brand', (SELECT json_agg(value) FROM (
            SELECT brand AS slug, brand AS name, '' AS name_ru, count(*) AS count
            FROM product WHERE brand <> ''
            GROUP BY brand ORDER BY count DESC, brand LIMIT {VALUES_PER_FACET}) value),
        'tag', (SELECT json_agg(value) FROM (
            SELECT tag.slug, tag.name, tag.name_ru, given.count
            FROM (SELECT tag_id, count(*) AS count FROM product CROSS JOIN unnest(tags) tag_id
                GROUP BY tag_id ORDER BY count DESC, tag_id LIMIT {VALUES_PER_FACET}) given
            JOIN catalog_tag tag ON tag.id = given.tag_id ORDER BY count DESC, tag.id) value),
        'price', (SELECT json_build_object('min', min(price), 'max', max(price)) FROM product)
    )
"""
"""A JSON object over the table `product` (category_id, brand, price, tags), for `facets_of`."""


def facets_of(counted: dict[str, Any] | None) -> dict[str, Any]:
    """What FACETS gave, None where nothing matched → the facets of the public contract, the most
    frequent values first, in the language of the request."""
    counted = counted or {}
    price = counted.get("price") or {}
    return {
        **{
            name: [
                {
                    "value": value["slug"],
                    "label": in_active_language(value["name"], value["name_ru"]),
                    "count": value["count"],
                }
                for value in counted.get(name) or ()
            ]
            for name in ("category", "brand", "tag")
        },
        "price": {edge: price.get(edge) for edge in ("min", "max")},
    }
