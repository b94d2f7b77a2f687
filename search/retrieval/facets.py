"""Counts by category, brand, tag and price over what matched, in the statement that finds it."""

from typing import Any

from psycopg.sql import SQL, Composable, Identifier, Literal

from catalog.models.product import in_active_language

VALUES_PER_FACET = 20

FACETS = SQL("""
    json_build_object(
        'category', (SELECT json_agg(value) FROM (
            SELECT category.slug, category.name, category.name_ru, count(*) AS count
            FROM {relation} JOIN catalog_category category ON category.id = {relation}.category_id
            GROUP BY category.id ORDER BY count DESC, category.id LIMIT {most}) value),
        'brand', (SELECT json_agg(value) FROM (
            SELECT brand AS slug, brand AS name, '' AS name_ru, count(*) AS count
            FROM {relation} WHERE brand <> ''
            GROUP BY brand ORDER BY count DESC, brand LIMIT {most}) value),
        'tag', (SELECT json_agg(value) FROM (
            SELECT tag.slug, tag.name, tag.name_ru, given.count
            FROM (SELECT tag_id, count(*) AS count FROM {relation} CROSS JOIN unnest(tags) tag_id
                GROUP BY tag_id ORDER BY count DESC, tag_id LIMIT {most}) given
            JOIN catalog_tag tag ON tag.id = given.tag_id ORDER BY count DESC, tag.id) value),
        'price', (SELECT json_build_object('min', min(price), 'max', max(price)) FROM {relation})
    )
""")


def facets_sql(relation: str) -> Composable:
    """The facets as an expression, a JSON object that `facets_of` reads: over the products of
    `relation`, a table with the columns product_id, category_id, brand, price and tags."""
    return FACETS.format(relation=Identifier(relation), most=Literal(VALUES_PER_FACET))


def facets_of(counted: dict[str, Any] | None) -> dict[str, Any]:
    """The facets of the public contract, from the value of `facets_sql`, None if nothing matched:
    the most frequent values first, in the language of the request."""
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
