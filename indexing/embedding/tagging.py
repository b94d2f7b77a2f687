"""Tags products by the words of their text and by what their photos show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from catalog.index.vectors import read_rows
from catalog.index.vocabulary import Vocabulary, merge_scores, vocabulary_for
from catalog.models import EncoderVersion, Tag
from catalog.visual.encoder import Encoder

TAGS_PER_PRODUCT = 5

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
    INSERT INTO catalog_indexedproduct AS old (product_id, vocabulary, text_hash)
    SELECT product_id, %s, text_hash FROM unnest(%s::bigint[], %s::text[])
        AS read (product_id, text_hash)
    ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE
    SET text_hash = excluded.text_hash, vocabulary = excluded.vocabulary
    WHERE (old.text_hash, old.vocabulary) <> (excluded.text_hash, excluded.vocabulary)
"""


@dataclass(frozen=True)
class TaggedText:
    """The text that a product is tagged from, and the hash of that text."""

    product_id: int
    title: str
    title_ru: str
    keywords: list[str]
    text_hash: str


def tag_products(product_ids: Sequence[int], version: EncoderVersion, encoder: Encoder) -> None:
    """Gives each product the tags that its text names (score 1) and the tags that its photos show,
    and records the text and the vocabulary that the tags were made from. Skips products that no
    longer exist. Writes only tags that differ."""
    vocabulary = vocabulary_for(encoder)
    texts = _read_texts(product_ids)
    seen = _visual_tags(product_ids, version, vocabulary)
    tags = [
        (text.product_id, tag_id, score)
        for text in texts
        for tag_id, score in _merge_tags(text, seen.get(text.product_id, []), vocabulary).items()
    ]
    ids = [text.product_id for text in texts]
    with transaction.atomic(), connection.cursor() as cursor:
        # Two workers may tag the same products: locking in one order avoids deadlocks.
        cursor.execute(
            "SELECT id FROM catalog_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids]
        )
        cursor.execute(WRITE_TAGS, [*_transpose(tags, 3), ids])
        cursor.execute(RECORD_TEXTS, [vocabulary.checksum, ids, [text.text_hash for text in texts]])


def _read_texts(product_ids: Sequence[int]) -> list[TaggedText]:
    """Returns the texts of the products that exist, ordered by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, title, title_ru, keywords, text_hash FROM catalog_product"
            " WHERE id = ANY(%s) ORDER BY id",
            [list(product_ids)],
        )
        return [TaggedText(*row) for row in cursor.fetchall()]


def _merge_tags(
    text: TaggedText, seen: list[tuple[Tag, float]], vocabulary: Vocabulary
) -> dict[int, float]:
    """Returns tag id → score, from the text and the visual tags of one product."""
    words = vocabulary.find_named([text.title, text.title_ru, *text.keywords])
    named = {tag.pk: 1.0 for tag in words}
    merged = merge_scores(named, {tag.pk: score for tag, score in seen})
    best = sorted(merged.items(), key=lambda item: -item[1])
    return dict(best[: max(TAGS_PER_PRODUCT, len(named))])


def _visual_tags(
    product_ids: Sequence[int], version: EncoderVersion, vocabulary: Vocabulary
) -> dict[int, list[tuple[Tag, float]]]:
    """Returns product id → the best tags for its photos, for products that have embeddings."""
    means = _mean_embeddings(product_ids, version)
    if not means:
        return {}
    best = vocabulary.best_tags_of_each(np.stack(list(means.values())), TAGS_PER_PRODUCT)
    return dict(zip(means, best, strict=True))


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
