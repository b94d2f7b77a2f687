"""Rows of partial feeds, such as lists of prices: they name products and variants that exist."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.importing.rows.row_groups import ProductRows, Row
from catalog.models import Product, Variant

NO_SUCH_PRODUCT = "no product has this sku, and the row has no title to make one of"


def place_partial_rows(
    products: Sequence[ProductRows], errors: dict[int, str]
) -> list[ProductRows]:
    """Returns the rows by the products that exist: a row without a group may name a variant by its
    sku alone. Adds a sentence to `errors`, by line, for each row that would make a product without
    a title, and leaves it out."""
    alone = [product.sku for product in products if _is_alone(product)]
    owners = dict(Variant.objects.filter(sku__in=alone).values_list("sku", "product__sku"))
    found: dict[str, ProductRows] = {}
    for product in products:
        rows, sku = product.rows, product.sku
        if sku in owners and _is_alone(product):
            sku = owners[sku]
            rows = [Row(row.line, replace(row.record, group=sku)) for row in rows]
        if sku in found:
            rows = [*found[sku].rows, *rows]
        found[sku] = ProductRows(sku, rows, False, product.refused_head)
    existing = set(Product.objects.filter(sku__in=found).values_list("sku", flat=True))
    placed = []
    for product in found.values():
        if product.sku in existing or any(_has_title(row) for row in product.rows):
            placed.append(product)
        else:
            errors.update((row.line, NO_SUCH_PRODUCT) for row in product.rows)
    return placed


def _is_alone(product: ProductRows) -> bool:
    return not any(row.record.is_variant or row.record.is_group for row in product.rows)


def _has_title(row: Row) -> bool:
    return bool(row.record.fields["title"] or row.record.fields["title_ru"])
