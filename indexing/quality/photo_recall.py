"""How well a generation answers photos whose product is known, and what its projection costs."""

from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from pgvector import HalfVector

from catalog.index.live_index import LiveIndex
from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import labelled_photos, open_labelled

LEAST_PHOTOS = 20  # fewer say nothing
FIRST = 5  # products
NEAR = 50  # photos: of FIRST products at least, where none has more than a dozen
EXACT_UP_TO = 200_000  # embeddings: a scan of more, for each photo, would take too long

SMALL = """
    SELECT vector.product_id FROM {table} vector
    JOIN catalog_product product ON product.id = vector.product_id AND product.is_visible
    ORDER BY vector.vector <#> %s::halfvec LIMIT %s
"""
EXACT = """
    SELECT embedding.product_id FROM catalog_embedding embedding
    JOIN catalog_product product ON product.id = embedding.product_id AND product.is_visible
    WHERE embedding.encoder_id = %s ORDER BY embedding.vector <#> %s::halfvec LIMIT %s
"""


def photo_recall(index: LiveIndex, check: Check) -> dict[str, float]:
    """Shares of the labelled photos (cut to their box) whose product is found, and of how many;
    nothing where there are fewer than LEAST_PHOTOS.

    `photo_recall_at_1` and `_at_5`: as searches do it, by the small vectors and scored again by the
    full ones. `photo_recall_at_5_small`: by the small ones alone, which is what the projection
    loses; `photo_recall_at_5_exact`: by all full ones, which is what scoring again could win back
    at most (only for up to EXACT_UP_TO embeddings)."""
    found: dict[str, list[bool]] = {}
    for product_id, photo in labelled_photos():
        image = open_labelled(photo)
        if image is None:
            continue
        query = index.encode_images([image])[0]
        shown = [product for product, _ in as_searched(index, query)[:FIRST]]
        answers = {"_at_1": shown[:1], "_at_5": shown, "_at_5_small": _small(index, query)}
        if index.generation.images <= EXACT_UP_TO:
            answers["_at_5_exact"] = _exact(index, query)
        for name, products in answers.items():
            found.setdefault(f"photo_recall{name}", []).append(product_id in products)
        check()
    photos = len(found.get("photo_recall_at_5", []))
    if photos < LEAST_PHOTOS:
        return {}
    return {**{name: sum(hits) / photos for name, hits in found.items()}, "photos": photos}


def as_searched(index: LiveIndex, query: np.ndarray) -> list[tuple[int, float]]:
    """(product id, cosine) of what a search of this generation finds for a vector of the stored
    space, (dimensions,), the nearest first."""
    near = vector_store().nearest(VectorQuery(index, query[None], settings.SEARCH_CANDIDATES))
    return [(product.product_id, product.similarity) for product in near]


def _small(index: LiveIndex, query: np.ndarray) -> list[int]:
    table = connection.ops.quote_name(index.generation.vector_table)
    small = HalfVector(index.project(query[None])[0])
    return _products(SMALL.format(table=table), [small, NEAR])


def _exact(index: LiveIndex, query: np.ndarray) -> list[int]:
    return _products(EXACT, [index.generation.encoder_id, HalfVector(query), NEAR])


def _products(statement: str, values: list[Any]) -> list[int]:
    """The first FIRST different products of a statement that gives one or more rows of each."""
    return list(dict.fromkeys(row[0] for row in fetch_rows(statement, values)))[:FIRST]
