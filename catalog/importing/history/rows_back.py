"""Statements that bring rows back as they were before an import, for the products of one batch.

An entry whose row has been changed since, so that undoing it would lose something, is marked as
kept (`op` K), and stays in the journal until the end. Each function runs within the caller's
transaction, under the exclusive lock of addresses."""

from collections.abc import Sequence

from django.db import connection

from catalog.importing.history import photos_back
from catalog.importing.history.photos_back import ENTRIES, OF
from catalog.importing.writing.fetched_photos import supply_photos

_PLAIN = ("price", "in_stock", "currency", "is_visible", "popularity", "url")
_TEXTS = ("sku", "title", "title_ru", "description", "brand", "keywords", "attributes")
_PRODUCT = (*_TEXTS, *_PLAIN)
_VARIANT = (
    *("product_id", "sku", "position", "options", "price", "in_stock", "url", "image_ids"),
    "image_places",
)
_IMAGE = ("position", "file", "content_hash")

LOCK = "SELECT FROM catalog_product WHERE id = ANY(%(products)s) ORDER BY id FOR UPDATE"

# --- Rows that the import has inserted ------------------------------------------------------------
KEEP_ADDED_PRODUCTS = f"""
    UPDATE catalog_importedrow SET op = 'K' WHERE {ENTRIES} AND product_id IN (
        SELECT product.id FROM catalog_importedrow entry
        JOIN catalog_product product ON product.id = entry.product_id
        WHERE entry.product_import_id = %(pk)s AND entry.relation = 1 AND entry.op = 'I'
            AND entry.product_id = ANY(%(products)s)
            AND (entry.digest <> catalog_import_digest(product)
                OR EXISTS (
                    SELECT FROM catalog_variant variant LEFT JOIN catalog_importedrow own
                        ON own.product_import_id = %(pk)s AND own.product_id = variant.product_id
                        AND own.relation = 2 AND own.row_id = variant.id AND own.op = 'I'
                    WHERE variant.product_id = product.id
                        AND own.digest IS DISTINCT FROM catalog_import_digest(variant))
                OR EXISTS (
                    SELECT FROM catalog_productimage image LEFT JOIN catalog_importedrow own
                        ON own.product_import_id = %(pk)s AND own.product_id = image.product_id
                        AND own.relation = 3 AND own.row_id = image.id AND own.op = 'I'
                    WHERE image.product_id = product.id
                        AND own.digest IS DISTINCT FROM catalog_import_digest(image)
                        AND NOT EXISTS (
                            SELECT FROM catalog_addressedimage named
                            WHERE named.product_id = product.id
                                AND named.position = image.position))))
"""
DELETE_ADDED_PRODUCTS = f"""
    WITH added AS (
        SELECT product_id FROM catalog_importedrow
        WHERE {ENTRIES} AND relation = 1 AND op = 'I'
    ), entries AS (
        DELETE FROM catalog_importedrow
        WHERE {ENTRIES} AND product_id IN (SELECT product_id FROM added)
    )
    DELETE FROM catalog_product WHERE id IN (SELECT product_id FROM added)
"""
KEEP_ADDED_VARIANTS = f"""
    UPDATE catalog_importedrow entry SET op = 'K' FROM catalog_variant variant
    WHERE {OF}
        AND relation = 2 AND op = 'I' AND variant.id = row_id
        AND digest <> catalog_import_digest(variant)
"""
DELETE_ADDED_VARIANTS = f"""
    DELETE FROM catalog_variant WHERE id IN (
        SELECT row_id FROM catalog_importedrow WHERE {ENTRIES} AND relation = 2 AND op = 'I')
"""

# --- Products and variants that it has changed or deleted -----------------------------------------
_DELETED_PRODUCT = f"""
    FROM catalog_importedrow entry
    CROSS JOIN LATERAL jsonb_populate_record(NULL::catalog_product, entry.before) past
    WHERE {ENTRIES} AND relation = 1 AND op = 'D'
"""
KEEP_DELETED_PRODUCTS = f"""
    UPDATE catalog_importedrow kept SET op = 'K' WHERE {ENTRIES} AND product_id IN (
        SELECT entry.product_id {_DELETED_PRODUCT} AND EXISTS (
            SELECT FROM catalog_product other WHERE other.id = past.id OR other.sku = past.sku))
"""
INSERT_PRODUCTS = f"""
    INSERT INTO catalog_product (id, category_id, created_at, updated_at, {", ".join(_PRODUCT)})
    SELECT past.id, (SELECT id FROM catalog_category WHERE id = past.category_id),
        past.created_at, now(), {", ".join(f"past.{name}" for name in _PRODUCT)}
    {_DELETED_PRODUCT}
"""
# The price and the stock of a product with variants follow from these.
_CHANGED_PRODUCT = """
    SELECT entry.product_id, product, entry.before - skipped AS before,
        entry.after - skipped AS after
    FROM catalog_importedrow entry
    LEFT JOIN catalog_product product ON product.id = entry.product_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN EXISTS (
            SELECT FROM catalog_variant WHERE product_id = entry.product_id
        ) OR EXISTS (
            SELECT FROM catalog_importedrow own WHERE own.product_import_id = %(pk)s
                AND own.product_id = entry.product_id AND own.relation = 2 AND own.op = 'D'
        ) THEN '{price,in_stock}' ELSE '{}' END::text[] AS skipped
    ) AS derived
    WHERE entry.product_import_id = %(pk)s AND entry.product_id = ANY(%(products)s)
        AND entry.relation = 1 AND entry.op = 'U'
"""
KEEP_CHANGED_PRODUCTS = f"""
    UPDATE catalog_importedrow SET op = 'K' WHERE {ENTRIES} AND relation = 1 AND product_id IN (
        SELECT product_id FROM ({_CHANGED_PRODUCT}) AS changed
        WHERE (changed.product).id IS NULL
            OR jsonb_populate_record(changed.product, after) IS DISTINCT FROM changed.product
            OR EXISTS (
                SELECT FROM catalog_product other
                WHERE other.sku = before ->> 'sku' AND other.id <> changed.product_id))
"""


def _restore_products(columns: Sequence[str], condition: str) -> str:
    changes = ", ".join(f"{name} = past.{name}" for name in columns)
    return f"""
        UPDATE catalog_product product SET {changes}, updated_at = now()
        FROM ({_CHANGED_PRODUCT}) AS changed
        CROSS JOIN LATERAL jsonb_populate_record(changed.product, changed.before) past
        WHERE product.id = changed.product_id AND {condition}
    """


_IS_PLAIN = f"changed.before - '{{{','.join(_PLAIN)}}}'::text[] = '{{}}'"
UPDATE_PLAIN_PRODUCTS = _restore_products(_PLAIN, f"{_IS_PLAIN} AND changed.before <> '{{}}'")
UPDATE_PRODUCTS = _restore_products(_PRODUCT, f"NOT ({_IS_PLAIN})").replace(
    "updated_at = now()",
    """updated_at = now(),
        category_id = (SELECT id FROM catalog_category WHERE id = past.category_id)""",
)

_DELETED_VARIANT = f"""
    FROM catalog_importedrow entry
    CROSS JOIN LATERAL jsonb_populate_record(NULL::catalog_variant, entry.before) past
    WHERE {OF} AND relation = 2 AND op = 'D'
"""
KEEP_DELETED_VARIANTS = f"""
    UPDATE catalog_importedrow SET op = 'K' WHERE {ENTRIES} AND relation = 2 AND row_id IN (
        SELECT entry.row_id {_DELETED_VARIANT} AND (
            NOT EXISTS (SELECT FROM catalog_product WHERE id = past.product_id)
            OR EXISTS (
                SELECT FROM catalog_variant other
                WHERE other.id = past.id OR other.sku = past.sku)))
"""
INSERT_VARIANTS = f"""
    INSERT INTO catalog_variant (id, {", ".join(_VARIANT)})
    SELECT past.id, {", ".join(f"past.{name}" for name in _VARIANT)} {_DELETED_VARIANT}
"""
_CHANGED_VARIANT = f"""
    SELECT entry.row_id, variant, entry.before,
        entry.after - CASE WHEN variant.image_places = '{{}}' THEN '' ELSE 'image_ids' END AS after
    FROM catalog_importedrow entry LEFT JOIN catalog_variant variant ON variant.id = entry.row_id
    WHERE {OF}
        AND entry.relation = 2 AND entry.op = 'U'
"""
KEEP_CHANGED_VARIANTS = f"""
    UPDATE catalog_importedrow SET op = 'K' WHERE {ENTRIES} AND relation = 2 AND row_id IN (
        SELECT row_id FROM ({_CHANGED_VARIANT}) AS changed
        WHERE (changed.variant).id IS NULL
            OR jsonb_populate_record(changed.variant, after) IS DISTINCT FROM changed.variant)
"""
UPDATE_VARIANTS = f"""
    UPDATE catalog_variant variant SET {", ".join(f"{name} = past.{name}" for name in _VARIANT)}
    FROM ({_CHANGED_VARIANT}) AS changed
    CROSS JOIN LATERAL jsonb_populate_record(changed.variant, changed.before) past
    WHERE variant.id = changed.row_id
"""


def remove_inserted(pk: int, products: Sequence[int]) -> None:
    """Deletes the products and variants that the import has inserted."""
    _execute(
        pk,
        products,
        *(LOCK, KEEP_ADDED_PRODUCTS, DELETE_ADDED_PRODUCTS),
        *(KEEP_ADDED_VARIANTS, DELETE_ADDED_VARIANTS),
    )


def restore_others(pk: int, products: Sequence[int]) -> None:
    """Brings products and variants back that it has changed or deleted, then photos."""
    _execute(
        pk,
        products,
        *(LOCK, KEEP_DELETED_PRODUCTS, INSERT_PRODUCTS),
        *(KEEP_CHANGED_PRODUCTS, UPDATE_PLAIN_PRODUCTS, UPDATE_PRODUCTS),
        *(KEEP_DELETED_VARIANTS, INSERT_VARIANTS, KEEP_CHANGED_VARIANTS, UPDATE_VARIANTS),
        *photos_back.STATEMENTS,
    )
    supply_photos(photos_back.restored_addresses(pk, products))


def _execute(pk: int, products: Sequence[int], *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, {"pk": pk, "products": list(products)})
