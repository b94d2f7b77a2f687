"""Writes the rows of catalog_product that an import changes."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from catalog.importing.categories import CategoryTree
from catalog.importing.writing.merging import MergedProduct
from catalog.models import Product

_DERIVED_FIELDS = ["price", "in_stock"]  # the database derives them from variants
_PLAIN_FIELDS = ["currency", "is_visible", "popularity", "url"]  # no generated column needs them
_OTHER_FIELDS = [
    *("category", "attributes", "title", "title_ru", "description", "brand", "keywords"),
    *_PLAIN_FIELDS,
]
_TYPES = {
    **{"price": "numeric", "in_stock": "boolean", "currency": "text", "is_visible": "boolean"},
    **{"popularity": "integer", "url": "text"},
}


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
    changed: dict[tuple[bool, bool], list[Product]] = {}
    for product in products:
        old = present.get(product.sku)
        wanted = _wanted(product, old, categories)
        is_derived = product.sku in derived
        fields = _OTHER_FIELDS if is_derived else _OTHER_FIELDS + _DERIVED_FIELDS
        differing = [f for f in fields if old is None or _differ(old, wanted, f)]
        if differing:
            is_plain = all(field in _TYPES for field in differing) and old is not None
            changed.setdefault((is_derived, is_plain), []).append(wanted)
    for (is_derived, is_plain), some in sorted(changed.items()):
        more = [] if is_derived else _DERIVED_FIELDS
        if is_plain:
            _update(some, _PLAIN_FIELDS + more)
        else:
            _upsert(some, _OTHER_FIELDS + more)
    return dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))


def _wanted(product: MergedProduct, old: Product | None, categories: CategoryTree) -> Product:
    """Returns the product that the rows describe. What a partial feed does not give stays."""
    attributes = product.record.attributes
    if old is None or product.given is None:
        category = categories.category_for(product.record)
        return Product(sku=product.sku, category=category, attributes=attributes, **product.fields)
    values = {
        name: product.fields.get(name) if product.gives(name) else getattr(old, name)
        for name in _OTHER_FIELDS + _DERIVED_FIELDS
        if name not in ("category", "attributes")
    }
    category_id = old.category_id
    if product.gives("category"):
        category = categories.category_for(product.record)
        category_id = category.pk if category else None
    kept = old.attributes if isinstance(old.attributes, dict) else {}
    added = attributes if product.given else {}
    return Product(sku=product.sku, category_id=category_id, attributes={**kept, **added}, **values)


def _upsert(products: list[Product], fields: list[str]) -> None:
    Product.objects.bulk_create(
        products,
        update_conflicts=True,
        unique_fields=["sku"],
        update_fields=[*fields, "updated_at"],
    )


def _update(products: list[Product], fields: list[str]) -> None:
    """Updates columns that no generated column needs: many times as fast as an upsert, which
    computes the search document again."""
    changes = ", ".join(f"{name} = given.{name}" for name in fields)
    arrays = ", ".join(f"%s::{_TYPES[name]}[]" for name in fields)
    statement = f"""
        UPDATE catalog_product product SET {changes}, updated_at = %s
        FROM unnest(%s::text[], {arrays}) AS given (sku, {", ".join(fields)})
        WHERE product.sku = given.sku
    """
    values = [[getattr(product, name) for product in products] for name in fields]
    skus = [product.sku for product in products]
    with connection.cursor() as cursor:
        cursor.execute(statement, [timezone.now(), skus, *values])


def _differ(old: Product, wanted: Product, field: str) -> bool:
    if field == "category":
        return old.category_id != wanted.category_id
    if field == "attributes":  # 1 and true are equal in Python, and different in JSON
        return _as_text(old.attributes) != _as_text(wanted.attributes)
    return bool(getattr(old, field) != getattr(wanted, field))


def _as_text(attributes: Any) -> str:
    return json.dumps(attributes, sort_keys=True)
