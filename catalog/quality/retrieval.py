"""Searches for measurements: products by a vector alone, without objects, words, filters and
ranking."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from django.conf import settings

from catalog.index.live_index import IndexSpace
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import vector_store

Owner = TypeVar("Owner")


def search_products(space: IndexSpace, query: np.ndarray) -> list[tuple[int, float]]:
    """Returns (product id, cosine) of the products that a search in this generation finds, nearest
    first. `query`: a vector of the index space, (dimensions,)."""
    near = vector_store().nearest(VectorQuery(space, query[None], settings.SEARCH_CANDIDATES))
    return [(product.product_id, product.similarity) for product in near]


def nearest_products(cosines: np.ndarray, owners: Sequence[Owner], limit: int) -> list[Owner]:
    """Returns the owners of the `limit` products with the greatest cosines, greatest first: an
    exact search. A product counts by the best of its photos. `cosines` and `owners` have one value
    for each photo; an owner is the id or the sku of a product."""
    found: dict[Owner, None] = {}
    for photo in np.argsort(-cosines, kind="stable"):
        found.setdefault(owners[photo])
        if len(found) == limit:
            break
    return list(found)
