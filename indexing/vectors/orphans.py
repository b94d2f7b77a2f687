"""Removes the data of images and products that no longer exist."""

from django.db import connection


def remove_orphans(product_ids: list[int]) -> None:
    """Removes the orphans among these products: embeddings by every encoder, image failures, and
    rows of `catalog_indexedproduct`, whose image or product no longer exists. Embeddings of photos
    that come back if an import is undone stay. Runs within the caller's transaction."""
    with connection.cursor() as cursor:
        for table in ("catalog_embedding", "indexing_imagefailure"):
            cursor.execute(
                f"""
                DELETE FROM {table} orphan WHERE product_id = ANY(%s) AND NOT EXISTS (
                    SELECT FROM catalog_productimage image
                    WHERE image.product_id = orphan.product_id AND image.id = orphan.image_id)
                AND NOT EXISTS (
                    SELECT FROM catalog_importedrow entry
                    WHERE entry.product_id = orphan.product_id AND entry.relation = 3
                        AND entry.row_id = orphan.image_id)
                """,
                [product_ids],
            )
        cursor.execute(
            """
            DELETE FROM catalog_indexedproduct WHERE product_id = ANY(%s)
                AND NOT EXISTS (SELECT FROM catalog_product WHERE id = product_id)
            """,
            [product_ids],
        )
