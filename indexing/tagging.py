"""Tags of products, from the words of their text and from what their photos look like."""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from psycopg import sql

from catalog.models import EncoderVersion, IndexedProduct, Product, ProductTag
from catalog.vectors import read_rows
from catalog.visual.encoder import Encoder
from catalog.vocabulary import Vocabulary, merge_scores, vocabulary_for

TAGS_PER_PRODUCT = 5


def tag_products(product_ids: Sequence[int], version: EncoderVersion, encoder: Encoder) -> None:
    """Gives each product the tags that its text names (score 1) and those its photos look like, and
    notes from which text. Products that are gone are passed over."""
    vocabulary = vocabulary_for(encoder)
    looks = _mean_embeddings(product_ids, version)
    products = Product.objects.filter(pk__in=product_ids).only(
        "title", "title_ru", "keywords", "text_hash"
    )
    rows: list[ProductTag] = []
    noted: list[IndexedProduct] = []
    for product in products:
        for tag_id, score in _scores(product, looks.get(product.pk), vocabulary).items():
            rows.append(ProductTag(product_id=product.pk, tag_id=tag_id, score=score))
        noted.append(
            IndexedProduct(
                product_id=product.pk,
                text_hash=product.text_hash,
                vocabulary=vocabulary.checksum,
            )
        )
    ids = [product.product_id for product in noted]
    with transaction.atomic():
        _lock_products(ids)
        ProductTag.objects.filter(product_id__in=ids).delete()
        ProductTag.objects.bulk_create(rows)
        IndexedProduct.objects.bulk_create(
            sorted(noted, key=lambda row: row.product_id),
            update_conflicts=True,
            unique_fields=["product_id"],
            update_fields=["text_hash", "vocabulary"],
        )


def _scores(product: Product, look: np.ndarray | None, vocabulary: Vocabulary) -> dict[int, float]:
    texts = [product.title, product.title_ru, *product.keywords]
    named = {tag.pk: 1.0 for tag in vocabulary.named_in(texts)}
    seen = vocabulary.best(look, TAGS_PER_PRODUCT) if look is not None else []
    merged = merge_scores(named, {tag.pk: score for tag, score in seen})
    best = sorted(merged.items(), key=lambda item: -item[1])
    return dict(best[: max(TAGS_PER_PRODUCT, len(named))])


def _mean_embeddings(product_ids: Sequence[int], version: EncoderVersion) -> dict[int, np.ndarray]:
    """Product id → the unit-length mean of its photos' embeddings, float32 (dimensions,)."""
    query = sql.SQL(
        "SELECT product_id, vector FROM catalog_embedding"
        " WHERE encoder_id = {} AND product_id = ANY({}::bigint[])"
    ).format(sql.Literal(version.pk), sql.Literal(list(product_ids)))
    sums: dict[int, np.ndarray] = {}
    for product_id, vector in read_rows(query, ["int8", "halfvec"]):
        sums[product_id] = sums.get(product_id, 0) + vector.astype(np.float32)
    return {key: total / max(np.linalg.norm(total), 1e-12) for key, total in sums.items()}


def _lock_products(ids: Sequence[int]) -> None:
    """Two workers may tag the same product; the rows of the product go in one order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM catalog_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(ids)],
        )
