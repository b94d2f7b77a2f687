"""The search, as one SQL statement.

It consists of NEIGHBOURS, FOUND_BY_VECTOR or the parts of `catalog.index.word_statement`, and
CANDIDATES. A measurement that needs only
the nearest products or photos sends NEIGHBOURS and NEAREST_PRODUCTS or NEAREST_PHOTOS. All are
prepared once on a connection (see `catalog.index.prepared_sql`): vectors and words are parameters,
everything on which the plan depends is a literal.

In all parts, `product` is the row of catalog_product that the filters test.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.word_statement import WordQuery, select_matches

MAX_FACET_PRODUCTS = 5_000  # products that the facets count

VISIBLE = sql.SQL("product.is_visible")
DETAILS = sql.SQL("category_id, brand, price, created_at, in_stock, popularity")

NEIGHBOURS = sql.SQL(
    """
WITH
-- The query vectors: `number` from 0, `projected` to search the graph, `vector` to score.
query AS (
    SELECT * FROM (VALUES {query_rows}) AS query_row (number, projected, vector)
),

-- Products that pass the filters, at most one more than may be compared one by one. MATERIALIZED,
-- because `passing_count`, `nearest` and `described` read it.
passing AS MATERIALIZED (
    {passing} LIMIT {exact_up_to} + 1
),

-- The number of these products. Both halves of `nearest` read it first, so it also sets how widely
-- the graph is searched. The setting lasts until the transaction ends.
passing_count AS MATERIALIZED (
    SELECT count(*) AS products, set_config('hnsw.ef_search', {ef_search}, true) FROM passing
),

-- For each query, the nearest photos by the projected vectors. PostgreSQL carries out one half of
-- the UNION: it evaluates the condition on `passing_count` once, before it scans anything.
nearest AS MATERIALIZED (
    SELECT query.number, query.vector, photo.*
    FROM query CROSS JOIN LATERAL (

        -- Many products pass: search the graph, and test each photo's product on the way. OFFSET 0
        -- keeps the planner from reading all products that pass and sorting their photos instead.
        (SELECT graph_photo.image_id, graph_photo.vector AS projected, photo_product.*
        FROM {vectors} graph_photo CROSS JOIN LATERAL (
            SELECT product.id AS product_id, {details} FROM catalog_product product
            WHERE product.id = graph_photo.product_id AND {condition} OFFSET 0) photo_product
        WHERE (SELECT products FROM passing_count) > {exact_up_to}
        ORDER BY graph_photo.vector <#> query.projected LIMIT {max_photos})

    UNION ALL

        -- Few products pass: compare all their photos. OFFSET 0 keeps the planner from reading the
        -- whole vector table. "+ 0" keeps it from using the graph.
        (SELECT passing_photo.image_id, passing_photo.vector AS projected, passing.*
        FROM passing CROSS JOIN LATERAL (
            SELECT image_id, vector FROM {vectors} stored_vector
            WHERE stored_vector.product_id = passing.product_id OFFSET 0) passing_photo
        WHERE (SELECT products FROM passing_count) <= {exact_up_to}
        ORDER BY (passing_photo.vector <#> query.projected) + 0 LIMIT {max_photos})
    ) photo
),

-- The nearest photos with the cosines of the full vectors. OFFSET 0 makes the planner look up each
-- embedding by its key.
scored_photos AS (
    SELECT nearest.*, -(embedding.vector <#> nearest.vector) AS similarity
    FROM nearest CROSS JOIN LATERAL (
        SELECT vector FROM catalog_embedding
        WHERE encoder_id = {encoder} AND product_id = nearest.product_id
            AND image_id = nearest.image_id OFFSET 0) embedding
),

-- For each query, the best photo of each product.
scored AS (
    SELECT DISTINCT ON (number, product_id) * FROM scored_photos
    ORDER BY number, product_id, similarity DESC
)
"""
)

NEAREST_PRODUCTS = sql.SQL(
    """
SELECT number, product_id, image_id, similarity FROM scored
ORDER BY number, similarity DESC, product_id
"""
)

NEAREST_PHOTOS = sql.SQL(
    """
SELECT number, product_id, image_id, similarity,
    -(scored_photos.projected <#> query.projected) AS projected_similarity
FROM scored_photos JOIN query USING (number)
ORDER BY number, similarity DESC, product_id, image_id
"""
)

FOUND_BY_VECTOR = sql.SQL(
    """
,
-- The candidates of each query.
found AS (
    SELECT number, similarity, projected, product_id, {details}, 0::float8 AS lexical,
        false AS is_named, true AS fits
    FROM scored
)
"""
)

CANDIDATES = sql.SQL(
    """
,
-- The products that the facets count, with their tags: the candidates and, if the search is not
-- by words and few enough products pass the filters, all of these.
described AS MATERIALIZED (
    SELECT counted.*, ARRAY(
        SELECT tag_id FROM catalog_producttag product_tag
        WHERE product_tag.product_id = counted.product_id) AS tags
    FROM (
        SELECT product_id, {details} FROM found
        UNION SELECT product_id, {details} FROM passing
        WHERE {counts_passing}
    ) counted
)

-- One row for each candidate of each query. The first row has the facets. Without candidates, there
-- is one row with the counts alone.
SELECT passing_count.products AS passing,
    (SELECT count(*) FROM nearest GROUP BY number ORDER BY count(*) DESC LIMIT 1) AS photos,
    {named} AS named, {unlike} AS unlike,
    CASE row_number() OVER () WHEN 1 THEN {facets}::text END AS facets,
    found.number, product_id, found.similarity, found.lexical, found.is_named, found.fits,
    described.price,
    described.created_at, described.in_stock, described.popularity, described.category_id,
    (SELECT rate FROM catalog_clickrate click_rate
        WHERE click_rate.product_id = found.product_id) AS clicks,
    described.tags, halfvec_send(found.projected) AS projected
FROM passing_count LEFT JOIN (found JOIN described USING (product_id)) ON true
"""
)


class ProductCondition(NamedTuple):
    """A condition on `product`, a row of catalog_product. `test` is the condition for a product at
    hand. `cases` exclude each other, and a product that fulfils `test` fulfils one of them:
    PostgreSQL finds all such products faster by each of the cases, which are conjunctions, than by
    `test`."""

    test: sql.Composable
    cases: tuple[sql.Composable, ...]

    @classmethod
    def of(cls, test: sql.Composable) -> "ProductCondition":
        """Returns a condition that is its only case."""
        return cls(test, (test,))

    def select(self, columns: sql.Composable) -> sql.Composable:
        """Returns a query of these columns of the products that fulfil the condition."""
        query = sql.SQL("SELECT {} FROM catalog_product product WHERE {}")
        return sql.SQL(" UNION ALL ").join(query.format(columns, case) for case in self.cases)


@dataclass(frozen=True)
class VectorQuery:
    """A query of a generation. For each of `vectors`, float32 (q, dimensions of the index space),
    it finds the `max_photos` nearest photos of products that fulfil `condition`. If at most
    `exact_up_to` products fulfil it, all their photos are compared; else the graph is searched.

    `condition` is about `product`, a row of catalog_product. `cases`, if any, are those of its
    ProductCondition. Each `%` in them is doubled."""

    space: IndexSpace
    vectors: np.ndarray
    max_photos: int
    condition: sql.Composable = field(default_factory=lambda: VISIBLE)
    exact_up_to: int = 0
    cases: tuple[sql.Composable, ...] = ()

    def select_passing(self, columns: sql.Composable) -> sql.Composable:
        """Returns a query of these columns of the products that fulfil the condition."""
        return ProductCondition(self.condition, self.cases or (self.condition,)).select(columns)


class Statement(NamedTuple):
    """SQL with a `%s` for each of its parameters, and these parameters."""

    sql: sql.Composable
    parameters: list[Any]


def add_candidates(
    neighbours: Statement, query: VectorQuery, words: WordQuery | None, facets: sql.Composable
) -> Statement:
    """Builds the statement of a search from the `neighbours` that a store returned for the query.
    `words`, if any, find products too, and decide which candidates fit. `facets` is an SQL
    expression over `described`.

    The columns are those of `search.retrieval.candidates.Candidate` and:

    - `passing`: the number of products that fulfil the condition, at most `exact_up_to` + 1;
    - `photos`: the most photos that a query vector found, NULL for none;
    - `named`: the number of products that the words found, at most `max_photos`;
    - `unlike`: whether a query vector found a photo that does not look as the words say;
    - `facets`: the facets as text, in the first row;
    - `number`: the number of the query vector, NULL in the only row if nothing is found."""
    named, unlike = sql.SQL("0"), sql.SQL("false")
    counts_passing: sql.Composable = sql.SQL("(SELECT products FROM passing_count) <= {}").format(
        sql.Literal(min(query.exact_up_to, MAX_FACET_PRODUCTS))
    )
    parameters: list[Any] = []
    found: sql.Composable = FOUND_BY_VECTOR.format(details=DETAILS)
    if words:
        encoder = query.space.generation.encoder_id
        found, parameters = select_matches(
            words, DETAILS, query.condition, query.max_photos, encoder
        )
        named, counts_passing = sql.SQL("(SELECT count(*) FROM named)"), sql.SQL("false")
        if words.least_cosine is not None:
            unlike = sql.SQL(f"(SELECT bool_or(wording < {words.least_cosine!r}) FROM matched)")
    candidates = CANDIDATES.format(
        details=DETAILS,
        counts_passing=counts_passing,
        named=named,
        unlike=unlike,
        facets=facets,
    )
    return Statement(neighbours.sql + found + candidates, neighbours.parameters + parameters)
