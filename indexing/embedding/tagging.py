"""Tags products by the words of their own data and by what their photos show."""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from catalog.index.photo_tags import ScoredTags, read_tagger
from catalog.index.vectors import read_rows
from catalog.index.vocabulary import ProductTexts, Vocabulary, read_product_texts, read_vocabulary
from catalog.models import EncoderVersion
from indexing.embedding.staleness import read_tag_sources

TAGS_PER_PRODUCT = 5  # that its photos show

WRITE_TAGS = """
    WITH computed AS MATERIALIZED (
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[])
            AS computed (product_id, tag_id, score)
    ), removed AS (
        DELETE FROM catalog_producttag old WHERE product_id = ANY(%s) AND NOT EXISTS (
            SELECT FROM computed
            WHERE computed.product_id = old.product_id AND computed.tag_id = old.tag_id)
    )
    INSERT INTO catalog_producttag AS old (product_id, tag_id, score)
    SELECT computed.* FROM computed
    JOIN catalog_product product ON product.id = computed.product_id
    JOIN catalog_tag tag ON tag.id = computed.tag_id
    ON CONFLICT (product_id, tag_id) DO UPDATE SET score = excluded.score
    WHERE abs(old.score - excluded.score) > 1e-5
"""
"""The joins leave out products and tags that were deleted since they were read. Scores of the same
photos differ in the seventh digit from one batch to another, so smaller differences are not
written."""

RECORD_TEXTS = """
    INSERT INTO catalog_indexedproduct AS old (product_id, text_hash, vocabulary)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])
        AS read (product_id, text_hash, vocabulary)
    ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE
    SET text_hash = excluded.text_hash, vocabulary = excluded.vocabulary
    WHERE (old.text_hash, old.vocabulary) <> (excluded.text_hash, excluded.vocabulary)
"""


def tag_products(product_ids: Sequence[int], version: EncoderVersion) -> None:
    """Gives each product the tags that its own data names, with score 1, and records what the tags
    were made from. A product that is not described gets the tags that its photos show. Skips
    products that no longer exist. Writes only tags that differ."""
    made_from = read_tag_sources(version)
    vocabulary = read_vocabulary()
    texts = read_product_texts(product_ids)
    seen = _tag_photos([text.product_id for text in texts if not text.is_described], version)
    tags = [
        (text.product_id, tag_id, score)
        for text in texts
        for tag_id, score in _merge_tags(text, seen.get(text.product_id, []), vocabulary).items()
    ]
    ids = [text.product_id for text in texts]
    checksums = [made_from.of(text.is_described) for text in texts]
    with transaction.atomic(), connection.cursor() as cursor:
        # Two workers may tag the same products: locking in one order avoids deadlocks.
        cursor.execute(
            "SELECT id FROM catalog_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids]
        )
        cursor.execute(WRITE_TAGS, [*_transpose(tags, 3), ids])
        cursor.execute(RECORD_TEXTS, [ids, [text.text_hash for text in texts], checksums])


def _merge_tags(text: ProductTexts, seen: ScoredTags, vocabulary: Vocabulary) -> dict[int, float]:
    """Returns tag id → score, from the own data and the photos of one product."""
    named = {tag.pk: 1.0 for tag in vocabulary.find_tags(text)}
    return {tag.pk: score for tag, score in seen} | named


def _tag_photos(product_ids: Sequence[int], version: EncoderVersion) -> dict[int, ScoredTags]:
    """Returns product id → the tags of its photos, for products that have embeddings."""
    if not product_ids:
        return {}
    tagger = read_tagger(version.pk)
    means = _mean_embeddings(product_ids, version) if tagger.tags else {}
    if not means:
        return {}
    tags = tagger.tag_photos(np.stack(list(means.values())), TAGS_PER_PRODUCT)
    return dict(zip(means, tags, strict=True))


def _mean_embeddings(product_ids: Sequence[int], version: EncoderVersion) -> dict[int, np.ndarray]:
    """Returns product id → the unit-length mean of its photos' embeddings, float32
    (dimensions,)."""
    query = sql.SQL(
        "SELECT product_id, vector FROM catalog_embedding"
        " WHERE encoder_id = {} AND product_id = ANY({}::bigint[])"
    ).format(sql.Literal(version.pk), sql.Literal(list(product_ids)))
    sums: dict[int, np.ndarray] = {}
    for product_id, vector in read_rows(query, ["int8", "halfvec"]):
        sums[product_id] = sums.get(product_id, 0) + vector.astype(np.float32)
    return {key: total / max(np.linalg.norm(total), 1e-12) for key, total in sums.items()}


def _transpose(rows: Sequence[tuple], count: int) -> list[list]:
    """Returns the columns of rows of `count` values, as lists."""
    return [[row[i] for row in rows] for i in range(count)]
