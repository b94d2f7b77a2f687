"""Writes the rows of catalog_product that an import changes."""

import json
from collections.abc import Sequence
from typing import Any

from catalog.importing.categories import CategoryTree
from catalog.importing.writing.merging import MergedProduct
from catalog.models import Product

_DERIVED_FIELDS = ["price", "in_stock"]  # the database derives them from variants
_OTHER_FIELDS = [
    *("category", "attributes", "title", "title_ru", "description", "brand", "keywords"),
    *("currency", "is_visible", "popularity", "url"),
]


def write_products(products: Sequence[MergedProduct], categories: CategoryTree) -> dict[str, int]:
    """Creates or updates products, sorted by sku, and leaves those alone that stay the same.
    Returns {sku: id} of all of them."""
    skus = [product.sku for product in products]
    # The lock keeps the order of the skus. Later statements lock other products by id.
    rows = Product.objects.filter(sku__in=skus).order_by("sku").select_for_update(no_key=True)
    present = {product.sku: product for product in rows.defer("text_hash", "search_document")}
    derived = {product.sku for product in products if product.variants}
    derived |= set(
        Product.objects.filter(sku__in=skus).exclude(variants=None).values_list("sku", flat=True)
    )
    with_variants: list[Product] = []
    without: list[Product] = []
    for product in products:
        wanted = Product(
            sku=product.sku,
            category=categories.category_for(product.record),
            attributes=product.record.attributes,
            **product.fields,
        )
        fields = _OTHER_FIELDS if product.sku in derived else _OTHER_FIELDS + _DERIVED_FIELDS
        old = present.get(product.sku)
        if old is None or any(_differ(old, wanted, name) for name in fields):
            (with_variants if product.sku in derived else without).append(wanted)
    _upsert(without, _OTHER_FIELDS + _DERIVED_FIELDS)
    _upsert(with_variants, _OTHER_FIELDS)
    return dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))


def _upsert(products: list[Product], fields: list[str]) -> None:
    Product.objects.bulk_create(
        products,
        update_conflicts=True,
        unique_fields=["sku"],
        update_fields=[*fields, "updated_at"],
    )


def _differ(old: Product, wanted: Product, field: str) -> bool:
    if field == "category":
        return old.category_id != wanted.category_id
    if field == "attributes":  # 1 and true are equal in Python, and different in JSON
        return _as_text(old.attributes) != _as_text(wanted.attributes)
    return bool(getattr(old, field) != getattr(wanted, field))


def _as_text(attributes: Any) -> str:
    return json.dumps(attributes, sort_keys=True)
