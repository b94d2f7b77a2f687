"""What all vector stores keep in PostgreSQL: for each generation a table of half-precision vectors.

The table says what the store contains, within the transaction of each write. Searches compare few
products in it. For many they ask the store's graph, which may lie elsewhere, and may lag behind:
only photos of the table are found, with the distances of the table."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from pgvector import HalfVector
from psycopg import sql

from catalog.index.search_statement import DETAILS, Statement, VectorQuery
from catalog.index.vector_store import PhotoVector, StoredPhoto, VectorStore
from catalog.index.vectors import copy_rows, read_rows
from catalog.models import Generation

DROP_TIMEOUT = "2s"
COLUMNS = ("product_id", "image_id", "source_hash", "vector")
TYPES = ("int8", "int8", "text", "halfvec")

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

-- The number of these products. Both halves of `nearest` read it first.
passing_count AS MATERIALIZED (
    SELECT count(*) AS products{setting} FROM passing
),

-- For each query, the nearest photos by the projected vectors. PostgreSQL carries out one half of
-- the UNION: it evaluates the condition on `passing_count` once, before it scans anything.
nearest AS MATERIALIZED (
    SELECT query.number, query.vector, photo.*
    FROM query CROSS JOIN LATERAL (

        -- Many products pass: take the photos that the graph finds, and test the product of each.
        -- OFFSET 0 keeps the planner from reading all products that pass and sorting their photos.
        (SELECT graph_photo.image_id, graph_photo.vector AS projected, photo_product.*
        FROM {graph_photos} graph_photo CROSS JOIN LATERAL (
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

-- Whether a deeper search would find no more photos, and whether all that pass were compared.
ended AS (
    SELECT photos < {max_photos} AS exhausted,
        products <= {exact_up_to} OR (photos < {max_photos} AND {ends_complete}) AS compared_all
    FROM passing_count, (SELECT coalesce(max(photos), 0) AS photos FROM (
        SELECT count(*) AS photos FROM nearest GROUP BY number) of_query) most
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


@dataclass(frozen=True)
class GraphSearch:
    """How a search statement reads the photos that a graph finds near a query vector.

    `photos`: an SQL FROM item of `product_id`, `image_id` and `vector`, which may refer to the row
    of `query`, with its `parameters`; `setting`: a column that is read before; `ends_complete`:
    whether the graph has no photo that it has not found, if it finds fewer than were wanted."""

    photos: sql.Composable
    ends_complete: bool
    parameters: list[Any] = field(default_factory=list)
    setting: sql.Composable = field(default_factory=lambda: sql.SQL(""))


class VectorTables(VectorStore):
    """A store that keeps a table for each generation, because dropping a table is cheap and blocks
    no query of the others. A subclass has the graphs."""

    @abstractmethod
    def search_graph(self, query: VectorQuery, projected: np.ndarray) -> GraphSearch:
        """Searches the graph for at least the nearest `max_photos` photos of products that fulfil
        the condition, or says how the statement does so. `projected`: the projected query vectors,
        float32 (q, VECTOR_DIMENSIONS)."""

    def create(self, generation: Generation) -> None:
        execute(
            """
            CREATE TABLE IF NOT EXISTS {table} (
                product_id bigint NOT NULL,
                image_id bigint NOT NULL,
                source_hash varchar(32) NOT NULL,
                vector halfvec({dimensions}) NOT NULL,
                PRIMARY KEY (product_id, image_id)
            )
            """,
            generation,
            dimensions=sql.Literal(settings.VECTOR_DIMENSIONS),
        )
        execute("ALTER TABLE {table} ALTER vector SET STORAGE PLAIN", generation)

    def fill(
        self, generation: Generation, first: int, last: int, photos: Iterable[PhotoVector]
    ) -> None:
        with transaction.atomic():
            execute(
                "DELETE FROM {table} WHERE product_id BETWEEN {first} AND {last}",
                generation,
                first=sql.Literal(first),
                last=sql.Literal(last),
            )
            copy_rows(generation.vector_table, COLUMNS, TYPES, photos)

    def sync(
        self, generation: Generation, product_ids: Sequence[int], photos: Iterable[PhotoVector]
    ) -> int:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS wanted_vectors")
            cursor.execute(
                "CREATE TEMP TABLE wanted_vectors (product_id bigint, image_id bigint,"
                " source_hash text, vector halfvec) ON COMMIT DROP"
            )
        copy_rows("wanted_vectors", COLUMNS, TYPES, photos)
        removed = execute(
            """
            DELETE FROM {table} old WHERE product_id = ANY({ids}::bigint[]) AND NOT EXISTS (
                SELECT FROM wanted_vectors wanted WHERE wanted.product_id = old.product_id
                    AND wanted.image_id = old.image_id)
            """,
            generation,
            ids=sql.Literal(list(product_ids)),
        )
        written = execute(
            """
            INSERT INTO {table} AS old (product_id, image_id, source_hash, vector)
            SELECT product_id, image_id, source_hash, vector FROM wanted_vectors
            ORDER BY product_id, image_id
            ON CONFLICT (product_id, image_id) DO UPDATE
            SET source_hash = excluded.source_hash, vector = excluded.vector
            WHERE old.source_hash <> excluded.source_hash
            """,
            generation,
        )
        return removed + written

    def drop(self, generation: Generation) -> None:
        """Waits at most DROP_TIMEOUT, because other searches queue up behind a waiting drop."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{DROP_TIMEOUT}'")
        execute("DROP TABLE IF EXISTS {table}", generation)

    def contents(self, generation: Generation) -> sql.Composable:
        return sql.SQL("SELECT product_id, image_id, source_hash FROM {}").format(
            sql.Identifier(generation.vector_table)
        )

    def sample(self, generation: Generation, count: int) -> np.ndarray:
        percent = min(100.0, 100.0 * count / max(generation.images, 1))
        query = sql.SQL("SELECT vector FROM {} TABLESAMPLE BERNOULLI ({}) REPEATABLE (7)").format(
            sql.Identifier(generation.vector_table), sql.Literal(percent)
        )
        vectors = [row[0] for row in read_rows(query, ["halfvec"])]
        if not vectors:
            return np.empty((0, settings.VECTOR_DIMENSIONS), np.float32)
        return np.stack(vectors).astype(np.float32)

    def nearest_photos(
        self, generation: Generation, vector: np.ndarray, count: int, exact: bool
    ) -> list[StoredPhoto]:
        assert exact  # a subclass searches its graph
        return scan_photos(generation, vector, count, "SET LOCAL enable_indexscan = off")

    def neighbours(self, query: VectorQuery) -> Statement:
        generation, projected = query.space.generation, query.space.project(query.vectors)
        graph = self.search_graph(query, projected)
        rows = [f"({number}, %s::halfvec, %s::halfvec)" for number in range(len(query.vectors))]
        statement = NEIGHBOURS.format(
            query_rows=sql.SQL(", ".join(rows)),
            details=DETAILS,
            condition=query.condition,
            passing=query.select_passing(sql.SQL("product.id AS product_id, {}").format(DETAILS)),
            exact_up_to=sql.Literal(query.exact_up_to),
            setting=graph.setting,
            graph_photos=graph.photos,
            ends_complete=sql.Literal(graph.ends_complete),
            vectors=sql.Identifier(generation.vector_table),
            max_photos=sql.Literal(query.max_photos),
            encoder=sql.Literal(generation.encoder_id),
        )
        pairs = zip(projected, query.vectors, strict=True)
        vectors = [HalfVector(vector) for pair in pairs for vector in pair]
        return Statement(statement, vectors + graph.parameters)


def scan_photos(
    generation: Generation, vector: np.ndarray, count: int, *settings_of_scan: str
) -> list[StoredPhoto]:
    """Returns the `count` photos of the table nearest to a projected vector, in the way that these
    SET LOCAL statements leave to PostgreSQL."""
    statement = sql.SQL(
        "SELECT product_id, image_id, -(vector <#> {vector}::halfvec) FROM {table}"
        " ORDER BY vector <#> {vector}::halfvec LIMIT {count}"
    ).format(
        vector=sql.Literal(HalfVector(vector).to_text()),
        table=sql.Identifier(generation.vector_table),
        count=sql.Literal(count),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in settings_of_scan:
            cursor.execute(setting)
        cursor.execute(statement)
        return [StoredPhoto._make(row) for row in cursor.fetchall()]


def table_exists(generation: Generation) -> bool:
    """Returns whether the generation has a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{generation.vector_table}"])
        return cursor.fetchone()[0]


def graph_name(generation: Generation) -> str:
    """Returns the name of the generation's graph."""
    return f"{generation.vector_table}_graph"


def execute(statement: str, generation: Generation, **parts: sql.Composable) -> int:
    """Executes a statement on the generation's `{table}` or `{index}`; returns its row count."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(generation.vector_table),
                index=sql.Identifier(graph_name(generation)),
                **parts,
            )
        )
        return cursor.rowcount
