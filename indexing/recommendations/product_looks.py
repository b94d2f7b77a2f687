"""Reads what products look like, for products that nobody has opened yet and for comparison."""

from collections.abc import Iterator, Sequence

import numpy as np
from psycopg import sql

from catalog.index.vectors import read_rows
from catalog.models import FactorModel

PRODUCTS_AT_ONCE = 5_000
MEAN_EMBEDDINGS = """
    SELECT product_id, avg(vector)::halfvec FROM catalog_embedding embedding
    WHERE encoder_id = {encoder} AND product_id > {after} AND {condition} AND EXISTS (
        SELECT FROM catalog_product product WHERE product.id = product_id AND product.is_visible)
    GROUP BY product_id ORDER BY product_id LIMIT {number}
"""
WITHOUT_FACTOR = (
    "NOT EXISTS (SELECT FROM {table} known WHERE known.product_id = embedding.product_id)"
)


def read_looks(
    encoder_id: int, without_factor_in: FactorModel | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields ids (n,) of visible products and the directions of their embeddings, float32 (n, d),
    in parts. With a model, only of the products to which it gives no factor."""
    condition: sql.Composable = sql.SQL("true")
    if without_factor_in is not None:
        table = sql.Identifier(without_factor_in.factor_table)
        condition = sql.SQL(WITHOUT_FACTOR).format(table=table)
    after = 0
    while True:
        query = sql.SQL(MEAN_EMBEDDINGS).format(
            encoder=sql.Literal(encoder_id),
            condition=condition,
            after=sql.Literal(after),
            number=sql.Literal(PRODUCTS_AT_ONCE),
        )
        rows = list(read_rows(query, ("int8", "halfvec")))
        if not rows:
            return
        ids = np.array([pk for pk, _ in rows])
        vectors = np.stack([vector for _, vector in rows]).astype(np.float32)
        yield ids, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        after = int(ids[-1])


def looks_of(encoder_id: int, products: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns the directions of the embeddings of these products, which are sorted, float32
    (p, d). Products without an embedding have zeros."""
    known = np.asarray(products)
    looks: np.ndarray | None = None
    for ids, vectors in read_looks(encoder_id):
        if looks is None:
            looks = np.zeros((len(known), vectors.shape[1]), np.float32)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        matching = known[places] == ids
        looks[places[matching]] = vectors[matching]
    return np.zeros((len(known), 1), np.float32) if looks is None else looks
