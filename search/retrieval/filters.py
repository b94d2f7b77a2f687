"""Filters as SQL conditions on `product` (the table catalog_product)."""

from typing import Any

from django.db import connection

from catalog.models import Category
from search.request import Filters


def filter_sql(filters: Filters, without: int | None = None) -> str:
    """The condition; always asks that the product is visible, and is not `without`. Its values
    stand in it, for the best plan depends on them; no parameters."""
    conditions = ["product.is_visible"]
    params: list[Any] = []
    if filters.categories:
        conditions.append("product.category_id = ANY(%s)")
        params.append(Category.objects.subtree_ids(list(filters.categories)))
    for slug in filters.tags:
        conditions.append(
            "EXISTS (SELECT FROM catalog_producttag given JOIN catalog_tag tag"
            " ON tag.id = given.tag_id WHERE given.product_id = product.id AND tag.slug = %s)"
        )
        params.append(slug)
    if filters.brands:
        conditions.append("product.brand = ANY(%s)")
        params.append(list(filters.brands))
    if filters.price_min is not None:
        conditions.append("product.price >= %s")
        params.append(filters.price_min)
    if filters.price_max is not None:
        conditions.append("product.price <= %s")
        params.append(filters.price_max)
    if filters.in_stock is not None:
        conditions.append("product.in_stock = %s")
        params.append(filters.in_stock)
    if without is not None:
        conditions.append("product.id <> %s")
        params.append(without)
    condition = " AND ".join(conditions)
    if not params:
        return condition
    composed = connection.ops.compose_sql(condition, params)  # type: ignore[attr-defined]
    return composed.replace("%", "%%")
