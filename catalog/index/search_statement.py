"""The search, as one SQL statement.

It consists of the `neighbours` of a vector store, FOUND_BY_VECTOR or the parts of
`catalog.index.word_statement`, and CANDIDATES. A measurement that needs only the nearest products
or photos sends `neighbours` and NEAREST_PRODUCTS or NEAREST_PHOTOS. All are prepared once on a
connection (see `catalog.index.prepared_sql`): vectors and words are parameters, everything on which
the plan depends is a literal.

In all parts, `product` is the row of catalog_product that the filters test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.word_statement import WordQuery, select_matches

MAX_FACET_PRODUCTS = 5_000  # products that the facets count
COMPARE_ALL = 2**31 - 2  # for `exact_up_to`: compares all products that fulfil the condition

VISIBLE = sql.SQL("product.is_visible")
DETAILS = sql.SQL("category_id, brand, price, created_at, in_stock, popularity")

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
    (SELECT exhausted FROM ended) AS exhausted, (SELECT compared_all FROM ended) AS compared_all,
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


class Hint(NamedTuple):
    """Says that a product has one of these `values` of an attribute."""

    attribute: str
    values: tuple[int | str, ...]


Hints = Callable[[], tuple[Hint, ...]]  # called by stores that use them


def no_hints() -> tuple[Hint, ...]:
    return ()


class ProductCondition(NamedTuple):
    """A condition on `product`, a row of catalog_product. `test` is the condition for a product at
    hand. `cases` exclude each other, and a product that fulfils `test` fulfils one of them:
    PostgreSQL finds all such products faster by each of the cases, which are conjunctions, than by
    `test`. `hints` are true of all products that fulfil it, but for recent changes: they say where
    a graph need not look."""

    test: sql.Composable
    cases: tuple[sql.Composable, ...]
    hints: Hints = no_hints

    @classmethod
    def of(cls, test: sql.Composable, hints: Hints = no_hints) -> "ProductCondition":
        """Returns a condition that is its only case."""
        return cls(test, (test,), hints)

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
    ProductCondition. Each `%` in them is doubled. `hints`: see ProductCondition. `width`: how many
    photos a search of the graph keeps in view, at least; by default as many as for photos."""

    space: IndexSpace
    vectors: np.ndarray
    max_photos: int
    condition: sql.Composable = field(default_factory=lambda: VISIBLE)
    exact_up_to: int = 0
    cases: tuple[sql.Composable, ...] = ()
    hints: Hints = no_hints
    width: int | None = None

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
    - `exhausted` and `compared_all`: those of `ended` (`VectorStore.neighbours`);
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
