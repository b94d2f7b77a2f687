"""The parts of the search statement (`catalog.index.search_statement`) that find products by
words. A product fits the words if its texts have enough of them, or if it looks as they say."""

from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector
from psycopg import sql

from catalog.index.prepared_sql import fetch_rows

KNOWN_WORDS = """
    WITH each AS MATERIALIZED (
        SELECT place, word,
            plainto_tsquery('english', word) || plainto_tsquery('russian', word) AS query
        FROM unnest(%s::text[]) WITH ORDINALITY AS given (word, place)
    ), known AS MATERIALIZED (
        SELECT place, query FROM each WHERE numnode(query) > 0 AND EXISTS (
            SELECT FROM catalog_product product
            WHERE product.search_document @@ query AND product.is_visible)
    )
    SELECT word, numnode(query) = 0 AS is_stop, place IN (SELECT place FROM known) AS is_known,
        EXISTS (
            SELECT FROM catalog_product product WHERE product.is_visible
                AND product.search_document @@ (
                    SELECT string_agg('(' || query::text || ')', ' & ')::tsquery FROM known)
        ) AS all_together
    FROM each ORDER BY place
"""

MATCHED = sql.SQL(
    """
,
-- The words, each as a query of both languages.
search_words AS MATERIALIZED (
    SELECT query FROM (
        SELECT plainto_tsquery('english', word) || plainto_tsquery('russian', word) AS query
        FROM unnest(%s::text[]) word) each
    WHERE numnode(query) > 0
),

-- Products whose sku, or that of a variant, was searched for.
identified AS MATERIALIZED (
    SELECT id AS product_id FROM catalog_product WHERE sku = ANY(%s::text[])
    UNION SELECT product_id FROM catalog_variant WHERE sku = ANY(%s::text[])
),

-- Products that pass the filters and have enough of the words, the best first: those with this very
-- sku or title, then those with the most words.
named AS MATERIALIZED (
    SELECT * FROM (
        SELECT product.id AS product_id, {details}, covered + rank AS lexical,
            %s::text IN (lower(product.title), lower(product.title_ru)) AS is_named
        FROM (SELECT string_agg('(' || query::text || ')', ' | ')::tsquery AS query
              FROM search_words) any_word
        JOIN catalog_product product ON product.search_document @@ any_word.query
        CROSS JOIN LATERAL (
            SELECT count(*) AS covered, ts_rank(product.search_document, any_word.query) AS rank
            FROM search_words WHERE product.search_document @@ search_words.query) has
        WHERE covered >= {required}
            AND product.id NOT IN (SELECT product_id FROM identified) AND {condition}
        UNION ALL
        SELECT product.id, {details}, {required} + 1, true
        FROM catalog_product product
        WHERE product.id IN (SELECT product_id FROM identified) AND {condition}
    ) product
    ORDER BY is_named DESC, lexical DESC, product_id LIMIT {max_photos}
),

-- What the words and the vectors found. `wording` is the cosine with the vector of the words.
matched AS MATERIALIZED (
    SELECT number, similarity, projected, product_id, {details}, 0::float8 AS lexical,
        false AS is_named, {wording_of_scored} AS wording
    FROM scored WHERE product_id NOT IN (SELECT product_id FROM named)
UNION ALL
    SELECT query.number, coalesce(scored.similarity, best.similarity), scored.projected,
        named.*, best.wording
    FROM named CROSS JOIN query
    LEFT JOIN scored ON scored.number = query.number AND scored.product_id = named.product_id
    LEFT JOIN LATERAL (
        SELECT max(-(embedding.vector <#> query.vector)) AS similarity, {best_wording} AS wording
        FROM catalog_embedding embedding
        WHERE encoder_id = {encoder} AND embedding.product_id = named.product_id) best ON true
),

fitting AS MATERIALIZED (
    SELECT *, (lexical > 0 OR {looks_right}) AS fits FROM matched
),

-- The candidates of each query.
found AS (
    SELECT number, similarity, projected, product_id, {details}, lexical, is_named, fits
    FROM fitting WHERE fits {or_nothing_fits}
)
"""
)
WORDING_OF_PHOTO = sql.SQL(
    """(SELECT max(-(embedding.vector <#> %s::halfvec)) FROM catalog_embedding embedding
        WHERE encoder_id = {encoder} AND embedding.product_id = scored.product_id)"""
)


@dataclass(frozen=True)
class WordQuery:
    """The words of a search, beside the vectors of a VectorQuery.

    `words`: single words; `phrase`: all of them in lower case, as a title would have them; `skus`:
    what the sku would be; `required`: how many words the texts of a product must have; `vector`:
    that of the words in the index space, float32 (dimensions,), or None if it is the vector that is
    searched by; `least_cosine`: the cosine with it from which a product looks as the words say, or
    None if that is not known: then all do."""

    words: tuple[str, ...]
    phrase: str
    skus: tuple[str, ...]
    required: int
    vector: np.ndarray | None = None
    least_cosine: float | None = None

    @property
    def is_alone(self) -> bool:
        """Whether the search is by words alone."""
        return self.vector is None


@dataclass(frozen=True)
class KnownWord:
    """A word of a search. `is_stop`: whether it is a stop word, which no text is searched for;
    `is_known`: whether the text of a product has it; `all_together`: whether one product has all
    known words of the search."""

    word: str
    is_stop: bool
    is_known: bool
    all_together: bool


def find_known_words(words: list[str]) -> list[KnownWord]:
    """Returns which of the words the products' texts have."""
    return [KnownWord(*row) for row in fetch_rows(KNOWN_WORDS, [words])]


def select_matches(
    words: WordQuery,
    details: sql.Composable,
    condition: sql.Composable,
    max_photos: int,
    encoder_id: int,
) -> tuple[sql.Composable, list]:
    """Returns the part of the statement that defines `found`, and its parameters. Without
    `least_cosine`, all photos that the vector found fit. If the search is not by words alone and
    nothing fits both, everything that the vectors found stays, and `fits` is false."""
    encoder = sql.Literal(encoder_id)
    of_photo: sql.Composable = WORDING_OF_PHOTO.format(encoder=encoder)
    best: sql.Composable = sql.SQL("max(-(embedding.vector <#> %s::halfvec))")
    if words.is_alone:
        of_photo, best = sql.SQL("similarity"), sql.SQL("max(-(embedding.vector <#> query.vector))")
    looks_right: sql.Composable = sql.SQL("true")
    if words.least_cosine is not None:
        looks_right = sql.SQL("coalesce(wording >= {}, false)").format(
            sql.Literal(words.least_cosine)
        )
    nothing = sql.SQL("OR NOT (SELECT coalesce(bool_or(fits), false) FROM fitting)")
    statement = MATCHED.format(
        details=details,
        condition=condition,
        required=sql.Literal(words.required),
        max_photos=sql.Literal(max_photos),
        encoder=encoder,
        wording_of_scored=of_photo,
        best_wording=best,
        looks_right=looks_right,
        or_nothing_fits=sql.SQL("") if words.is_alone else nothing,
    )
    skus = list(words.skus)
    parameters = [list(words.words), skus, skus, words.phrase]
    if words.vector is not None:
        parameters += [HalfVector(words.vector)] * 2
    return statement, parameters
