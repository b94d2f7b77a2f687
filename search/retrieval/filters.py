"""Filters as an SQL condition on `product` (the table catalog_product)."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Composable

from catalog.models import Category
from search.request import Filters


def filter_condition(filters: Filters, without: int | None = None) -> Composable:
    """The condition that a product is visible, passes `filters` and is not `without`. The values
    are literals, because the best plan depends on them. The statement must be executed with
    parameters, even with none: each `%` in a literal is doubled."""
    return SQL(" AND ").join(_conditions(filters, without))


def _conditions(filters: Filters, without: int | None) -> Iterator[Composable]:
    yield SQL("product.is_visible")
    if filters.categories:
        subtree = Category.objects.subtree_ids(list(filters.categories))
        yield SQL("product.category_id = ANY({})").format(_literal(subtree))
    for slug in filters.tags:
        yield SQL(
            "EXISTS (SELECT FROM catalog_producttag given JOIN catalog_tag tag"
            " ON tag.id = given.tag_id WHERE given.product_id = product.id AND tag.slug = {})"
        ).format(_literal(slug))
    if filters.brands:
        yield SQL("product.brand = ANY({})").format(_literal(list(filters.brands)))
    if filters.price_min is not None:
        yield SQL("product.price >= {}").format(_literal(filters.price_min))
    if filters.price_max is not None:
        yield SQL("product.price <= {}").format(_literal(filters.price_max))
    if filters.in_stock is not None:
        yield SQL("product.in_stock = {}").format(_literal(filters.in_stock))
    if without is not None:
        yield SQL("product.id <> {}").format(_literal(without))


def _literal(value: Any) -> Composable:
    text: str = connection.ops.compose_sql("%s", [value])  # type: ignore[attr-defined]
    return SQL(text.replace("%", "%%"))
