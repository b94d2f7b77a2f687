"""The tables of factor models: written by the offline side, searched by both."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from django.db import connection, transaction
from pgvector import HalfVector
from psycopg import sql

from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import VISIBLE, ProductCondition
from catalog.index.vectors import copy_rows, read_rows
from catalog.models import FactorModel

# More links than usual: products with long factors, which many shoppers like, gather the links of
# a graph of inner products, and few would else lead to the rest (docs/decisions/0047).
GRAPH_M, GRAPH_EF_CONSTRUCTION, GRAPH_EF_SEARCH = 32, 100, 64
DROP_TIMEOUT = "2s"
LIVE_MODEL = "SELECT id, xmin::text FROM catalog_factormodel WHERE state = 'live'"
COLUMNS, TYPES = ("product_id", "is_learned", "factor"), ("int8", "bool", "halfvec")
# As in NEIGHBOURS: OFFSET 0 keeps the planner from reading all products that pass, or the whole
# table, and "+ 0" keeps it from using the graph.
BY_GRAPH = sql.SQL("""
    SELECT stored.product_id, -(stored.factor <#> %s::halfvec) AS preference, stored.factor,
        passing.category_id
    FROM {table} stored CROSS JOIN LATERAL (
        SELECT category_id FROM catalog_product product
        WHERE product.id = stored.product_id AND {condition} OFFSET 0) passing
    WHERE (SELECT set_config('hnsw.ef_search', {width}, true)) <> ''
    ORDER BY stored.factor <#> %s::halfvec LIMIT {count}
""")
BY_COMPARING_ALL = sql.SQL("""
    WITH passing AS MATERIALIZED ({passing})
    SELECT passing.product_id, -(stored.factor <#> %s::halfvec) AS preference, stored.factor,
        passing.category_id
    FROM passing CROSS JOIN LATERAL (
        SELECT factor FROM {table} factors
        WHERE factors.product_id = passing.product_id OFFSET 0) stored
    ORDER BY (stored.factor <#> %s::halfvec) + 0 LIMIT {count}
""")
# All in one row: a row for each costs more than to read it.
READ = sql.SQL("""
    SELECT array_agg(product_id) AS ids, string_agg(halfvec_send(factor), '') AS factors
    FROM {table} WHERE product_id = ANY(%s)
""")
ROUNDING = 1e-3  # relative, of inner products of 16-bit numbers
SENT_HEADER = 2  # 16-bit numbers before those of a vector in its binary form
PREDICT = sql.SQL("""
    INSERT INTO {table} AS stored (product_id, is_learned, factor)
    SELECT product_id, is_learned, factor FROM predicted_factors
    ON CONFLICT (product_id) DO UPDATE SET factor = excluded.factor WHERE NOT stored.is_learned
""")
DRAW = sql.SQL("""
    SELECT product_id, factor FROM {table} WHERE is_learned
    ORDER BY hashint8extended(product_id, 0) LIMIT {count}
""")
GREATEST = sql.SQL("""
    SELECT -(factor <#> %s::halfvec) AS preference FROM {table}
    ORDER BY (factor <#> %s::halfvec) + 0 LIMIT {count}
""")
VISIBLE_PRODUCTS, ANY_PRODUCT = ProductCondition.of(VISIBLE), ProductCondition.of(sql.SQL("true"))


class NearestFactor(NamedTuple):
    """A product whose factor fits: its predicted preference, about 0 to 1, its factor (dimensions,)
    and its category."""

    product_id: int
    preference: float
    factor: np.ndarray
    category_id: int | None


def create_factors(model: FactorModel) -> None:
    """Makes the empty table of a model, in place of one that an interrupted run left."""
    drop_factors(model)
    _execute(
        "CREATE TABLE {table} (product_id bigint PRIMARY KEY, is_learned boolean NOT NULL,"
        " factor halfvec({dimensions}) NOT NULL)",
        model,
    )
    _execute("ALTER TABLE {table} ALTER factor SET STORAGE PLAIN", model)


def add_factors(
    model: FactorModel, ids: Sequence[int], factors: np.ndarray, is_learned: bool
) -> None:
    """Adds factors (n, dimensions) of products that have none yet."""
    copy_rows(model.factor_table, COLUMNS, TYPES, _rows(model, ids, factors, is_learned))


def predict_factors(model: FactorModel, ids: Sequence[int], factors: np.ndarray) -> None:
    """Writes factors (n, dimensions) that follow from embeddings. Learned ones stay."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE predicted_factors (product_id bigint, is_learned boolean,"
            " factor halfvec)"
        )
        copy_rows("predicted_factors", COLUMNS, TYPES, _rows(model, ids, factors, False))
        cursor.execute(PREDICT.format(table=sql.Identifier(model.factor_table)))
        cursor.execute("DROP TABLE predicted_factors")


def build_factor_graph(model: FactorModel) -> None:
    """Builds the HNSW graph, over inner products."""
    _execute(
        "CREATE INDEX IF NOT EXISTS {index} ON {table} USING hnsw (factor halfvec_ip_ops)"
        f" WITH (m = {GRAPH_M}, ef_construction = {GRAPH_EF_CONSTRUCTION})",
        model,
    )
    _execute("ANALYZE {table}", model)


def drop_factors(model: FactorModel) -> None:
    """Drops the table of a model, if it exists. Raises OperationalError if it is being read for
    more than two seconds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{DROP_TIMEOUT}'")
        _execute("DROP TABLE IF EXISTS {table}", model)


def has_graph(model: FactorModel) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            [f"{model.factor_table}_graph"],
        )
        return bool((cursor.fetchone() or [False])[0])


def live_factors() -> FactorModel | None:
    """Returns the live model, or None. It is cached until its row changes or another is live."""
    rows = fetch_rows(LIVE_MODEL, [])
    return _model(*rows[0]) if rows else None


@lru_cache(maxsize=2)
def _model(pk: int, _version: str) -> FactorModel:
    return FactorModel.objects.get(pk=pk)


def read_factors(model: FactorModel, ids: Sequence[int]) -> dict[int, np.ndarray]:
    """Returns the factors (dimensions,) of those of the products that have one."""
    statement = READ.format(table=sql.Identifier(model.factor_table))
    [row] = fetch_rows(statement, [list(ids)])
    if row.ids is None:
        return {}
    sent = np.frombuffer(row.factors, ">f2").reshape(len(row.ids), -1)
    factors = sent[:, SENT_HEADER:].astype(np.float32)
    return dict(zip(row.ids, factors, strict=True))


def read_learned_factors(model: FactorModel) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids (n,) of the products with a history, sorted, and their factors float32
    (n, dimensions)."""
    query = sql.SQL("SELECT product_id, factor FROM {} WHERE is_learned ORDER BY 1").format(
        sql.Identifier(model.factor_table)
    )
    rows = list(read_rows(query, ("int8", "halfvec")))
    factors = np.array([vector for _, vector in rows], np.float32)
    return (
        np.array([pk for pk, _ in rows], np.int64),
        factors.reshape(len(rows), model.dimensions),
    )


def draw_factors(model: FactorModel, count: int) -> np.ndarray:
    """Returns the factors (n, dimensions) of at most `count` products with a history, always the
    same ones, as if drawn at random."""
    statement = DRAW.format(table=sql.Identifier(model.factor_table), count=sql.Literal(count))
    rows = [row.factor.to_numpy() for row in fetch_rows(statement, [])]
    return np.array(rows, np.float32).reshape(len(rows), model.dimensions)


def greatest_preferences(model: FactorModel, query: np.ndarray, count: int) -> list[float]:
    """Returns the `count` greatest inner products of `query` (dimensions,) with the factors of all
    products, the greatest first. Compares all. For measurements."""
    length, vector = _as_unit(query)
    statement = GREATEST.format(table=sql.Identifier(model.factor_table), count=sql.Literal(count))
    return [row.preference * length for row in fetch_rows(statement, [vector, vector])]


def share_of_greatest(found: Sequence[NearestFactor], least: float, count: int) -> float:
    """Returns the share of the `count` products with the greatest preferences, the last of which is
    `least`, that were found. For measurements."""
    bound = least - ROUNDING * abs(least)
    return sum(item.preference >= bound for item in found) / count


def nearest_factors(
    model: FactorModel,
    query: np.ndarray,
    count: int,
    condition: ProductCondition = VISIBLE_PRODUCTS,
    compare_all: bool = False,
) -> list[NearestFactor]:
    """Returns the `count` products that fulfil the condition whose factors have the greatest inner
    product with `query` (dimensions,), the greatest first. Searches the graph, or compares all
    products that fulfil the condition, which is faster if they are few."""
    length, vector = _as_unit(query)
    statement = (BY_COMPARING_ALL if compare_all else BY_GRAPH).format(
        table=sql.Identifier(model.factor_table),
        width=sql.Literal(str(GRAPH_EF_SEARCH)),
        condition=condition.test,
        passing=condition.select(sql.SQL("product.id AS product_id, category_id")),
        count=sql.Literal(count),
    )
    found = [
        NearestFactor(
            row.product_id,
            row.preference * length,
            row.factor.to_numpy().astype(np.float32),
            row.category_id,
        )
        for row in fetch_rows(statement, [vector, vector])
    ]
    # An iterative scan of the graph returns them roughly in this order.
    return sorted(found, key=lambda item: -item.preference)


def _as_unit(query: np.ndarray) -> tuple[float, HalfVector]:
    """Returns the length of a query and its direction, which keeps its precision in 16 bits."""
    length = float(np.linalg.norm(query))
    return length, HalfVector((query / max(length, 1e-9)).astype(np.float32))


def _rows(
    model: FactorModel, ids: Sequence[int], factors: np.ndarray, is_learned: bool
) -> Iterator[tuple[int, bool, np.ndarray]]:
    """Yields rows of COLUMNS. Factors that are longer than the model's longest are scaled down to
    it."""
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    factors = factors * np.minimum(1.0, model.longest / np.maximum(lengths, 1e-9))
    for pk, vector in zip(ids, factors, strict=True):
        yield pk, is_learned, vector


def _execute(statement: str, model: FactorModel) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(model.factor_table),
                index=sql.Identifier(f"{model.factor_table}_graph"),
                dimensions=sql.Literal(model.dimensions),
            )
        )
