"""The sample of the self-test: which products and photos it takes, and their embeddings."""

from collections.abc import Sequence

import numpy as np
from django.db import connection
from psycopg import sql

from catalog.index.vectors import read_rows

MAX_PRODUCTS = 1_000

SAMPLE = sql.SQL(
    """
WITH sample AS (
    SELECT image.product_id FROM catalog_productimage image
    JOIN catalog_product product ON product.id = image.product_id AND product.is_visible
    WHERE image.content_hash <> ''
    GROUP BY image.product_id HAVING count(DISTINCT image.content_hash) >= {min_photos}
    ORDER BY md5(image.product_id::text) LIMIT {max_products}
),

-- The photos of these products that all encoders have embedded in their present content.
photo AS MATERIALIZED (
    SELECT image.product_id, image.id, image.content_hash
    FROM sample JOIN catalog_productimage image USING (product_id)
    WHERE cardinality({encoders}) = (
        SELECT count(*) FROM catalog_embedding embedding
        WHERE embedding.encoder_id = ANY({encoders}) AND embedding.product_id = image.product_id
            AND embedding.image_id = image.id AND embedding.source_hash = image.content_hash)
),

-- The contents that several products have, such as a table of sizes.
shared AS (
    SELECT content_hash FROM catalog_productimage
    WHERE content_hash IN (SELECT content_hash FROM photo)
    GROUP BY content_hash HAVING min(product_id) <> max(product_id)
)

-- One photo of each product; one that no other product has, if there is any.
SELECT product_id, id FROM (
    SELECT DISTINCT ON (product_id) product_id, id
    FROM photo LEFT JOIN shared USING (content_hash)
    ORDER BY product_id, shared IS NOT NULL, content_hash
) view ORDER BY md5(product_id::text)
"""
)

CURRENT_EMBEDDINGS = sql.SQL(
    """
SELECT embedding.product_id, embedding.image_id, embedding.vector
FROM catalog_embedding embedding
JOIN catalog_productimage image ON image.product_id = embedding.product_id
    AND image.id = embedding.image_id AND image.content_hash = embedding.source_hash
WHERE embedding.encoder_id = {encoder} AND embedding.product_id = ANY({products})
ORDER BY embedding.product_id, embedding.image_id
"""
)


def sample_photos(encoder_ids: Sequence[int], min_photos: int) -> dict[int, int]:
    """Returns a photo of each product of the sample, by product id.

    The sample has up to MAX_PRODUCTS visible products with at least `min_photos` different photos.
    The hash of the id decides which ones, and their order: the first n are a random sample too. The
    content of the photos decides which one is chosen, among those that all of `encoder_ids` have
    embedded."""
    statement = SAMPLE.format(
        min_photos=sql.Literal(min_photos),
        max_products=sql.Literal(MAX_PRODUCTS),
        encoders=_array(sorted(set(encoder_ids))),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return dict(cursor.fetchall())


def read_embeddings(
    encoder_id: int, product_ids: Sequence[int]
) -> dict[int, dict[int, np.ndarray]]:
    """Returns the current embeddings of products by an encoder: unit vectors, float32
    (dimensions,), by product id and image id."""
    statement = CURRENT_EMBEDDINGS.format(
        encoder=sql.Literal(encoder_id), products=_array(product_ids)
    )
    embeddings: dict[int, dict[int, np.ndarray]] = {}
    for product_id, image_id, vector in read_rows(statement, ["int8", "int8", "halfvec"]):
        embeddings.setdefault(product_id, {})[image_id] = vector.astype(np.float32)
    return embeddings


def _array(ids: Sequence[int]) -> sql.Composable:
    return sql.SQL("{}::bigint[]").format(sql.Literal(list(ids)))
