"""Writes prices and stock alone, of products and their variants."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from catalog.importing.records import REGULAR_PRICE
from catalog.importing.writing.merging import MergedProduct
from catalog.models import Variant

# Locked in the order of the skus, as in `write_products`.
READ = """
    SELECT sku, id, attributes -> %s, jsonb_typeof(attributes) = 'object' FROM catalog_product
    WHERE sku = ANY(%s) ORDER BY sku FOR NO KEY UPDATE
"""
UPDATE_PRODUCTS = """
    UPDATE catalog_product product SET price = coalesce(given.price, product.price),
        in_stock = coalesce(given.in_stock, product.in_stock), updated_at = %s
    FROM unnest(%s::bigint[], %s::numeric[], %s::boolean[]) AS given (id, price, in_stock)
    WHERE product.id = given.id AND (
        given.price <> product.price OR given.in_stock <> product.in_stock)
"""
# Apart from the others, because the text hash is computed again from attributes.
UPDATE_REGULAR_PRICES = """
    UPDATE catalog_product product SET price = coalesce(given.price, product.price),
        in_stock = coalesce(given.in_stock, product.in_stock), updated_at = %s,
        attributes = attributes - %s || CASE WHEN given.regular IS NULL THEN '{}'
            ELSE jsonb_build_object(%s::text, given.regular::jsonb) END
    FROM unnest(%s::bigint[], %s::numeric[], %s::boolean[], %s::text[])
        AS given (id, price, in_stock, regular)
    WHERE product.id = given.id
"""
UPDATE_VARIANTS = """
    UPDATE catalog_variant variant SET price = coalesce(given.price, variant.price),
        in_stock = coalesce(given.in_stock, variant.in_stock)
    FROM unnest(%s::text[], %s::bigint[], %s::numeric[], %s::boolean[])
        AS given (sku, product_id, price, in_stock)
    WHERE variant.product_id = given.product_id AND variant.sku = given.sku AND (
        given.price <> variant.price OR given.in_stock <> variant.in_stock)
"""


def write_prices(products: Sequence[MergedProduct]) -> dict[str, int]:
    """Updates the prices and the stock of products, sorted by sku, and of their variants where they
    differ, as `write_products` and `write_variants` would. Returns {sku: id} of these products. Of
    products that do not exist, or have other variants than their rows say, it writes nothing."""
    ids, regular_prices = _read([product.sku for product in products])
    present = _variants_of(list(ids.values()))
    written = [p for p in products if p.sku in ids and _has_these(p, present.get(ids[p.sku]))]
    with connection.cursor() as cursor:
        _update_variants(cursor, written, ids)
        _update_products(cursor, written, ids, regular_prices)
    return {product.sku: ids[product.sku] for product in written}


def _read(skus: list[str]) -> tuple[dict[str, int], dict[int, Any]]:
    """Locks products. Returns their ids, and {id: regular price, or None}."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [REGULAR_PRICE, skus])
        rows = [row for row in cursor.fetchall() if row[3]]
    return {sku: pk for sku, pk, *_ in rows}, {pk: regular for _, pk, regular, _ in rows}


def _variants_of(product_ids: list[int]) -> dict[int, set[str]]:
    variants: dict[int, set[str]] = {}
    found = Variant.objects.filter(product_id__in=product_ids)
    for product_id, sku in found.values_list("product_id", "sku"):
        variants.setdefault(product_id, set()).add(sku)
    return variants


def _has_these(product: MergedProduct, present: set[str] | None) -> bool:
    """Returns whether the product has the variants that its rows say."""
    named = {variant.sku for variant in product.variants}
    if product.given is None or not named:
        return named == (present or set())
    return named <= (present or set())


def _update_variants(cursor: Any, products: Sequence[MergedProduct], ids: dict[str, int]) -> None:
    given = [
        (
            variant.sku,
            ids[product.sku],
            variant.price if variant.gives("price") else None,
            variant.in_stock if variant.gives("in_stock") else None,
        )
        for product in products
        for variant in product.variants
    ]
    if given:
        cursor.execute(UPDATE_VARIANTS, _columns(given))


def _update_products(
    cursor: Any, products: Sequence[MergedProduct], ids: dict[str, int], regular: dict[int, Any]
) -> None:
    """Updates products. Price and stock of those with variants are derived. `regular`: the present
    regular prices."""
    plain, others = [], []
    for product in products:
        pk = ids[product.sku]
        gives = {
            name: product.gives(name) and not product.variants for name in ("price", "in_stock")
        }
        values = [product.fields[name] if given else None for name, given in gives.items()]
        wanted = _regular_price(product, regular[pk])
        if wanted != regular[pk]:
            others.append((pk, *values, wanted))
        elif not product.variants:
            plain.append((pk, *values))
    if plain:
        cursor.execute(UPDATE_PRODUCTS, [timezone.now(), *_columns(plain)])
    if others:
        stamp = [timezone.now(), REGULAR_PRICE, REGULAR_PRICE]
        cursor.execute(UPDATE_REGULAR_PRICES, [*stamp, *_columns(others)])


def _regular_price(product: MergedProduct, present: Any) -> Any:
    """Returns the attribute with the price before a discount, as JSON, or None if there is none.
    Partial rows only add it."""
    attributes = product.record.attributes
    has_one = REGULAR_PRICE in attributes
    if product.given is not None and not (has_one and product.given):
        return present
    return json.dumps(attributes[REGULAR_PRICE]) if has_one else None


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
