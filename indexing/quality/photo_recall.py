"""Measures the recall of a generation on labelled photos, and the recall lost by the projection."""

from typing import Any

import numpy as np
from pgvector import HalfVector

from catalog.index.live_index import LiveIndex
from catalog.index.prepared_sql import fetch_rows
from catalog.index.vector_store import vector_store
from catalog.models import Product
from catalog.quality.retrieval import search_products
from indexing.ledger.chunking import Check
from indexing.quality.labelled_sample import open_labelled_photo, read_labelled_photos

MIN_PHOTOS = 20  # to measure recall on
MAX_PRODUCTS = 5  # in an answer
MAX_ROWS = 50  # photos; enough for MAX_PRODUCTS products with up to ten photos each
MAX_EXACT_EMBEDDINGS = 200_000  # a scan of more, for each photo, takes too long

NEAREST_EXACT = """
    SELECT embedding.product_id FROM catalog_embedding embedding
    JOIN catalog_product product ON product.id = embedding.product_id AND product.is_visible
    WHERE embedding.encoder_id = %s ORDER BY embedding.vector <#> %s::halfvec LIMIT %s
"""


def measure_photo_recall(index: LiveIndex, check: Check) -> dict[str, Any]:
    """Returns the recall on the labelled photos, cropped to their boxes, and the number of
    `photos`. Returns an empty dict for fewer than MIN_PHOTOS photos.

    `photo_recall_at_1` and `photo_recall_at_5` search as shoppers do: the projected vectors give
    candidates, and the full embeddings score them. `photo_recall_at_5_small` uses the projected
    vectors alone and shows what the projection loses. `photo_recall_at_5_exact` compares all full
    embeddings and shows the upper limit of what the scores can regain. It is measured for up to
    MAX_EXACT_EMBEDDINGS embeddings. `photo_hits_at_5` has a 1 for each photo that found its product
    among the first five, and a 0 for the others."""
    hits: dict[str, list[bool]] = {}
    for product_id, photo in read_labelled_photos():
        image = open_labelled_photo(photo)
        if image is None:
            continue
        query = index.encode_images([image])[0]
        shown = [product for product, _ in search_products(index, query)[:MAX_PRODUCTS]]
        answers = {
            "_at_1": shown[:1],
            "_at_5": shown,
            "_at_5_small": _search_projected(index, query),
        }
        if index.generation.images <= MAX_EXACT_EMBEDDINGS:
            answers["_at_5_exact"] = _search_exact(index, query)
        for name, products in answers.items():
            hits.setdefault(f"photo_recall{name}", []).append(product_id in products)
        check()
    photos = len(hits.get("photo_recall_at_5", []))
    if photos < MIN_PHOTOS:
        return {}
    return {
        **{name: sum(values) / photos for name, values in hits.items()},
        "photos": photos,
        "photo_hits_at_5": "".join("01"[hit] for hit in hits["photo_recall_at_5"]),
    }


def _search_projected(index: LiveIndex, query: np.ndarray) -> list[int]:
    """Returns the products nearest by projected vectors: by exact search, or by the graph if there
    are too many embeddings."""
    generation, projected = index.generation, index.project(query[None])[0]
    exact = generation.images <= MAX_EXACT_EMBEDDINGS
    near = vector_store().nearest_photos(generation, projected, MAX_ROWS, exact)
    ids = list(dict.fromkeys(photo.product_id for photo in near))
    visible = set(Product.objects.visible().filter(pk__in=ids).values_list("pk", flat=True))
    return [product_id for product_id in ids if product_id in visible][:MAX_PRODUCTS]


def _search_exact(index: LiveIndex, query: np.ndarray) -> list[int]:
    rows = fetch_rows(NEAREST_EXACT, [index.generation.encoder_id, HalfVector(query), MAX_ROWS])
    return list(dict.fromkeys(row.product_id for row in rows))[:MAX_PRODUCTS]
