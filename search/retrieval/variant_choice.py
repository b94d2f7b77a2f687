"""Chooses the variant that a result shows for its product."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pgvector import HalfVector
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.prepared_sql import fetch_search_rows
from catalog.product_cards import VariantCard
from search.filters.declared import variant_condition

CHOSEN_VARIANTS = sql.SQL(
    """
WITH
-- The products, each with the number of the query vector that found it.
wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::int[]) AS wanted (product_id, number)
    WHERE EXISTS (SELECT FROM catalog_variant variant
                  WHERE variant.product_id = wanted.product_id)
),

query AS (
    SELECT * FROM (VALUES {query_rows}) AS query_row (number, vector)
),

-- Their photos, with the cosines of these and the query vector, or NULL without a query.
photo AS MATERIALIZED (
    SELECT wanted.product_id, image.id, image.file,
        -(embedding.vector <#> query.vector) AS similarity
    FROM wanted JOIN catalog_productimage image USING (product_id)
    LEFT JOIN query ON query.number = wanted.number
    LEFT JOIN catalog_embedding embedding ON embedding.encoder_id = {encoder}
        AND embedding.product_id = wanted.product_id AND embedding.image_id = image.id
)

-- Of the variants that pass the filters, the one with the nearest photo, with that photo. Variants
-- may share it, or have no photo: the first in stock, or else the first.
SELECT DISTINCT ON (variant.product_id) variant.product_id, variant.sku, variant.options::text,
    variant.price, variant.in_stock, variant.url, photo.file
FROM wanted JOIN catalog_variant variant USING (product_id)
LEFT JOIN LATERAL unnest(variant.image_ids) WITH ORDINALITY AS given (image_id, place) ON true
LEFT JOIN photo ON photo.product_id = variant.product_id AND photo.id = given.image_id
WHERE {variants}
ORDER BY variant.product_id, photo.similarity DESC NULLS LAST, variant.in_stock DESC,
    variant.position, variant.id, photo.id IS NULL, given.place
"""
)


def choose_variants(
    product_ids: Sequence[int],
    filters: Mapping[str, Any],
    space: IndexSpace | None = None,
    queries: Sequence[np.ndarray] = (),
    numbers: Sequence[int] = (),
) -> dict[int, VariantCard]:
    """Returns the variant to show of each of these products that has one that passes the filters:
    the one with the photo nearest to the query vector, without a query the first in stock.
    `queries` are vectors of the index space; `numbers` gives the one that found each product."""
    rows = [f"({number}, %s::halfvec)" for number in range(len(queries))] or ["(0, NULL::halfvec)"]
    statement = CHOSEN_VARIANTS.format(
        query_rows=sql.SQL(", ".join(rows)),
        encoder=sql.Literal(space.generation.encoder_id if space else None),
        variants=variant_condition(filters),
    )
    parameters: list[Any] = [list(product_ids), list(numbers or [0] * len(product_ids))]
    found = fetch_search_rows(statement, parameters + [HalfVector(query) for query in queries])
    return {
        product_id: VariantCard(sku, json.loads(options), *others)
        for product_id, sku, options, *others in found
    }
