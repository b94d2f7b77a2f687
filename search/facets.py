"""Counts by category, brand, tag and price over what matched."""

from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from catalog.models import Category, Product, ProductTag, Tag

VALUES_PER_FACET = 20


def facets_of(product_ids: list[int]) -> dict[str, Any]:
    """The facets of the public contract over these products, the most frequent values first."""
    products = Product.objects.filter(pk__in=product_ids)
    prices = products.aggregate(min=Min("price"), max=Max("price"))
    return {
        "category": _categories(products),
        "brand": [
            {"value": row["brand"], "label": row["brand"], "count": row["count"]}
            for row in _most(products.exclude(brand=""), "brand")
        ],
        "tag": _tags(product_ids),
        "price": {key: float(v) if v is not None else None for key, v in prices.items()},
    }


def _categories(products: QuerySet[Product]) -> list[dict[str, Any]]:
    rows = list(_most(products.exclude(category=None), "category_id"))
    named = Category.objects.in_bulk([row["category_id"] for row in rows])
    return [_value(named[row["category_id"]], row["count"]) for row in rows]


def _tags(product_ids: list[int]) -> list[dict[str, Any]]:
    rows = list(_most(ProductTag.objects.filter(product_id__in=product_ids), "tag_id"))
    named = Tag.objects.in_bulk([row["tag_id"] for row in rows])
    return [_value(named[row["tag_id"]], row["count"]) for row in rows]


def _value(named: Category | Tag, count: int) -> dict[str, Any]:
    return {"value": named.slug, "label": named.label, "count": count}


def _most(rows: QuerySet, field: str) -> QuerySet:
    counted = rows.order_by().values(field).annotate(count=Count("pk"))
    return counted.order_by("-count", field)[:VALUES_PER_FACET]
