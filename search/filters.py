"""Filters as SQL conditions on `product` (the table catalog_product)."""

from typing import Any

from catalog.models import Category
from search.request import Filters


def filter_sql(filters: Filters) -> tuple[str, list[Any]]:
    """(condition, parameters); always asks that the product is visible."""
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
    return " AND ".join(conditions), params
