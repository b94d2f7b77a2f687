"""Statements that bring the photos of products back as they were before an import. The photos of a
product are restored together or, if somebody has changed one of them since, not at all. Photos with
the ids that they had keep their embeddings."""

from collections.abc import Sequence

from django.db import connection

ENTRIES = "product_import_id = %(pk)s AND product_id = ANY(%(products)s)"
OF = "entry.product_import_id = %(pk)s AND entry.product_id = ANY(%(products)s)"
_NOT_FETCHED = """
    NOT EXISTS (
        SELECT FROM catalog_addressedimage named
        WHERE named.product_id = image.product_id AND named.position = image.position)
"""

# What a fetch has stored since for an address that the import has named, at a position that is to
# be free or to have an earlier photo.
DELETE_FETCHED = f"""
    DELETE FROM catalog_productimage image
    USING catalog_importedrow entry, catalog_addressedimage named, catalog_imageaddress address
    WHERE {OF} AND entry.relation = 4
        AND named.product_id = entry.product_id AND named.position = entry.row_id
        AND named.address_id = (entry.after ->> 'address_id')::bigint
        AND address.id = named.address_id
        AND (entry.op = 'I' OR EXISTS (
            SELECT FROM catalog_importedrow past WHERE past.product_import_id = %(pk)s
                AND past.product_id = entry.product_id AND past.relation = 3
                AND past.op IN ('U', 'D')
                AND (past.before ->> 'position')::integer = entry.row_id))
        AND image.product_id = named.product_id AND image.position = named.position
        AND image.content_hash = address.content_hash
        AND NOT EXISTS (
            SELECT FROM catalog_importedrow own WHERE own.product_import_id = %(pk)s
                AND own.product_id = image.product_id AND own.relation = 3
                AND own.row_id = image.id)
"""
KEEP_IMAGES = f"""
    UPDATE catalog_importedrow SET op = 'K'
    WHERE {ENTRIES} AND relation IN (3, 4) AND product_id IN (
        SELECT entry.product_id FROM catalog_importedrow entry
        LEFT JOIN catalog_productimage image
            ON image.product_id = entry.product_id AND image.id = entry.row_id
        WHERE {OF} AND entry.relation = 3 AND CASE entry.op
            WHEN 'I' THEN image.id IS NOT NULL AND {_NOT_FETCHED}
                AND catalog_import_digest(image) <> entry.digest
            WHEN 'U' THEN image.id IS NULL OR {_NOT_FETCHED}
                AND jsonb_populate_record(image, entry.after) IS DISTINCT FROM image
            ELSE image.id IS NOT NULL
                OR NOT EXISTS (SELECT FROM catalog_product WHERE id = entry.product_id) END
        UNION ALL
        SELECT entry.product_id FROM catalog_importedrow entry
        JOIN catalog_productimage image ON image.product_id = entry.product_id
            AND image.position = (entry.before ->> 'position')::integer
        WHERE {OF} AND entry.relation = 3 AND entry.op IN ('U', 'D') AND NOT EXISTS (
            SELECT FROM catalog_importedrow own WHERE own.product_import_id = %(pk)s
                AND own.product_id = image.product_id AND own.relation = 3
                AND own.row_id = image.id)
        UNION ALL
        SELECT entry.product_id FROM catalog_importedrow entry
        LEFT JOIN catalog_addressedimage named
            ON named.product_id = entry.product_id AND named.position = entry.row_id
        WHERE {OF} AND entry.relation = 4 AND CASE entry.op
            WHEN 'I' THEN named.product_id IS NOT NULL
                AND catalog_import_digest(named) <> entry.digest
            WHEN 'U' THEN named.product_id IS NULL
                OR named.address_id <> (entry.after ->> 'address_id')::bigint
            ELSE named.product_id IS NOT NULL
                OR NOT EXISTS (SELECT FROM catalog_product WHERE id = entry.product_id) END)
"""
DELETE_IMAGES = f"""
    DELETE FROM catalog_productimage image USING catalog_importedrow entry
    WHERE {OF} AND entry.relation = 3 AND entry.op = 'I'
        AND image.product_id = entry.product_id AND image.id = entry.row_id
"""
UPDATE_IMAGES = f"""
    UPDATE catalog_productimage image
    SET position = past.position, file = past.file, content_hash = past.content_hash
    FROM (
        SELECT entry.product_id, entry.row_id, entry.before, present
        FROM catalog_importedrow entry JOIN catalog_productimage present
            ON present.product_id = entry.product_id AND present.id = entry.row_id
        WHERE {OF} AND entry.relation = 3 AND entry.op = 'U'
    ) AS changed
    CROSS JOIN LATERAL jsonb_populate_record(changed.present, changed.before) past
    WHERE image.product_id = changed.product_id AND image.id = changed.row_id
"""
INSERT_IMAGES = f"""
    INSERT INTO catalog_productimage (id, product_id, position, file, content_hash)
    SELECT past.id, past.product_id, past.position, past.file, past.content_hash
    FROM catalog_importedrow entry
    CROSS JOIN LATERAL jsonb_populate_record(NULL::catalog_productimage, entry.before) past
    WHERE {OF} AND entry.relation = 3 AND entry.op = 'D'
"""
DELETE_NAMES = f"""
    DELETE FROM catalog_addressedimage named USING catalog_importedrow entry
    WHERE {OF} AND entry.relation = 4 AND entry.op IN ('I', 'U')
        AND named.product_id = entry.product_id AND named.position = entry.row_id
"""
INSERT_NAMES = f"""
    INSERT INTO catalog_addressedimage (product_id, position, address_id)
    SELECT entry.product_id, entry.row_id, address.id
    FROM catalog_importedrow entry JOIN catalog_imageaddress address
        ON address.id = (entry.before ->> 'address_id')::bigint
    WHERE {OF} AND entry.relation = 4 AND entry.op IN ('U', 'D')
"""

STATEMENTS = (
    *(DELETE_FETCHED, KEEP_IMAGES, DELETE_IMAGES, UPDATE_IMAGES, INSERT_IMAGES),
    *(DELETE_NAMES, INSERT_NAMES),
)


def restored_addresses(pk: int, products: Sequence[int]) -> set[int]:
    """Returns the ids of the addresses that are named again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT (before ->> 'address_id')::bigint FROM catalog_importedrow
            WHERE {ENTRIES} AND relation = 4 AND op IN ('U', 'D')
            """,
            {"pk": pk, "products": list(products)},
        )
        return {row[0] for row in cursor.fetchall()}
