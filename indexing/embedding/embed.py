"""Embeds photos. While one batch of embeddings is written, the next photos are decoded and
encoded."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from django.db import connection, transaction

from catalog.index.vectors import copy_rows
from catalog.models import EncoderVersion
from catalog.visual.encoder import Encoder
from indexing.embedding import quarantine
from indexing.embedding.decoding import ReadImage, decode_ahead, decode_carefully
from indexing.embedding.staleness import StaleImage
from indexing.embedding.views import encode_views
from indexing.ledger.chunking import Check

EMBEDDINGS_PER_WRITE = 128  # a worker that dies loses no more than these

Embedded = tuple[ReadImage, np.ndarray]
"""An image and its embedding: float32 (dimensions,), unit length."""


def embed_images(
    images: Sequence[StaleImage],
    version: EncoderVersion,
    encoder: Encoder,
    check: Check,
    careful: bool = False,
) -> int:
    """Embeds the images, stores the embeddings and returns the number of embeddings. Skips photos
    that cannot be read, and quarantines them after QUARANTINE_ATTEMPTS attempts. With `careful`, a
    child process decodes the photos. A chunk that is begun again needs this, because one of its
    photos may have killed the worker."""
    decode = decode_carefully if careful else decode_ahead
    encoded = encode_views(encoder, decode(images, encoder.preprocessing))
    done = 0
    while group := list(islice(encoded, EMBEDDINGS_PER_WRITE)):
        _store_embeddings(group, version)
        done += len(group)
        check()
    return done


def _store_embeddings(group: Sequence[Embedded], version: EncoderVersion) -> None:
    with transaction.atomic():
        changed = [read for read, _ in group if read.content_hash != read.image.content_hash]
        if changed:
            _correct_hashes(changed)
        _write_embeddings(group, version)
        quarantine.forget_failures(
            [(read.image.product_id, read.image.image_id) for read, _ in group]
        )


def _write_embeddings(group: Sequence[Embedded], version: EncoderVersion) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TEMP TABLE IF NOT EXISTS embedded (
                product_id bigint, image_id bigint, source_hash text, vector halfvec
            )
            """
        )
        cursor.execute("TRUNCATE pg_temp.embedded")
        copy_rows(
            "embedded",
            ["product_id", "image_id", "source_hash", "vector"],
            ["int8", "int8", "text", "halfvec"],
            (
                (read.image.product_id, read.image.image_id, read.content_hash, vector)
                for read, vector in group
            ),
        )
        # Images that were deleted since they were read are left out.
        cursor.execute(
            """
            INSERT INTO catalog_embedding
                (encoder_id, product_id, image_id, source_hash, vector, created_at)
            SELECT %s, product_id, image_id, source_hash, vector, now() FROM embedded
            WHERE EXISTS (SELECT FROM catalog_productimage image
                          WHERE image.product_id = embedded.product_id AND image.id = image_id)
            ORDER BY product_id, image_id
            ON CONFLICT (encoder_id, product_id, image_id) DO UPDATE
            SET source_hash = excluded.source_hash, vector = excluded.vector,
                created_at = excluded.created_at
            """,
            [version.pk],
        )


def _correct_hashes(items: Sequence[ReadImage]) -> None:
    """Corrects the hash of images whose file holds another content than their row says: the file
    was set by SQL or replaced on disk. The trigger does not note this as a change, because the
    embedding is made from the content that was read. Runs within the caller's transaction."""
    images = [item.image for item in items]
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('vitrina.reading_files', 'on', true)")
        cursor.execute(
            """
            UPDATE catalog_productimage image SET content_hash = present.content_hash
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
                AS present (product_id, id, file, past_hash, content_hash)
            WHERE image.product_id = present.product_id AND image.id = present.id
                AND image.file = present.file AND image.content_hash = present.past_hash
            """,
            [
                [image.product_id for image in images],
                [image.image_id for image in images],
                [image.file for image in images],
                [image.content_hash for image in images],
                [item.content_hash for item in items],
            ],
        )
