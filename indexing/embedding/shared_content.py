"""Encodes equal photos once. Whoever else shows the same content gets a copy of the embedding, by
product and image as always."""

from collections.abc import Sequence

from django.db import connection

from catalog.models import EncoderVersion
from catalog.visual.encoder import Encoder
from indexing.embedding.embed import embed_images
from indexing.embedding.staleness import StaleImage, stale_images
from indexing.ledger.chunking import Check

COPY_EMBEDDINGS = """
    INSERT INTO catalog_embedding
        (encoder_id, product_id, image_id, source_hash, vector, created_at)
    SELECT known.encoder_id, image.product_id, image.id, image.content_hash, known.vector, now()
    FROM catalog_productimage image
    LEFT JOIN catalog_embedding own ON own.encoder_id = %(encoder)s
        AND own.product_id = image.product_id AND own.image_id = image.id
    CROSS JOIN LATERAL (
        SELECT encoder_id, vector FROM catalog_embedding
        WHERE encoder_id = %(encoder)s AND source_hash = image.content_hash LIMIT 1) known
    WHERE image.product_id = ANY(%(products)s)
        AND own.source_hash IS DISTINCT FROM image.content_hash
    ORDER BY image.product_id, image.id
    ON CONFLICT (encoder_id, product_id, image_id) DO UPDATE
    SET source_hash = excluded.source_hash, vector = excluded.vector,
        created_at = excluded.created_at
"""


def embed_products(
    product_ids: Sequence[int],
    version: EncoderVersion,
    encoder: Encoder,
    check: Check,
    careful: bool = False,
) -> set[int]:
    """Brings the embeddings of these products' images up to date, and returns the products that had
    stale ones. Encodes only content that the encoder has not encoded before, and that once, unless
    two workers meet it at the same time. `careful`: see `embed_images`."""
    stale = stale_images(version, product_ids)
    if not stale:
        return set()
    ids = sorted({image.product_id for image in stale})
    unknown = stale_images(version, ids) if copy_embeddings(version, ids) else stale
    firsts = _first_of_each_content(unknown)
    embed_images(firsts, version, encoder, check, careful)
    if len(firsts) < len(unknown):
        copy_embeddings(version, ids)
        # A file that held another content than its row says has given its twins no embedding.
        tried = set(firsts)
        left = [image for image in stale_images(version, ids) if image not in tried]
        embed_images(left, version, encoder, check, careful)
    return set(ids)


def copy_embeddings(version: EncoderVersion, product_ids: Sequence[int]) -> int:
    """Gives the stale images of these products the embeddings of equal photos, as far as there are
    any. Returns the number of images."""
    with connection.cursor() as cursor:
        cursor.execute(COPY_EMBEDDINGS, {"encoder": version.pk, "products": list(product_ids)})
        return cursor.rowcount


def _first_of_each_content(images: Sequence[StaleImage]) -> list[StaleImage]:
    """Returns one image of each content, and all images whose content is unknown."""
    firsts: dict[str | int, StaleImage] = {}
    for image in images:
        firsts.setdefault(image.content_hash or image.image_id, image)
    return list(firsts.values())
