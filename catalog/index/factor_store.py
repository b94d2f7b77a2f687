"""The tables of factor models: written by the offline side, searched by both."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from django.db import connection, transaction
from pgvector import HalfVector
from psycopg import sql

from catalog.index.preferences import lift, lower
from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import VISIBLE
from catalog.index.vectors import copy_rows, read_rows
from catalog.models import FactorModel

GRAPH_M, GRAPH_EF = 16, 100
DROP_TIMEOUT = "2s"
LIVE_MODEL = "SELECT id, xmin::text FROM catalog_factormodel WHERE state = 'live'"
COLUMNS, TYPES = ("product_id", "is_learned", "factor"), ("int8", "bool", "halfvec")
# As in NEIGHBOURS: OFFSET 0 keeps the planner from reading all products that pass.
NEAREST = sql.SQL("""
    SELECT factor.product_id, -(factor.factor <#> %s::halfvec) AS cosine, passing.category_id
    FROM {table} factor CROSS JOIN LATERAL (
        SELECT category_id FROM catalog_product product
        WHERE product.id = factor.product_id AND {condition} OFFSET 0) passing
    ORDER BY factor.factor <#> %s::halfvec LIMIT {count}
""")


class NearestFactor(NamedTuple):
    """A product whose factor fits: its predicted preference, about 0 to 1, and its category."""

    product_id: int
    preference: float
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
    model: FactorModel, ids: Iterable[int], factors: np.ndarray, is_learned: bool
) -> None:
    """Adds factors (n, dimensions) of products. Longer ones than the model's longest are scaled
    down to it."""
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    factors = factors * np.minimum(1.0, model.longest / np.maximum(lengths, 1e-9))
    rows = zip(ids, lift(factors, model.longest), strict=True)
    copy_rows(model.factor_table, COLUMNS, TYPES, ((pk, is_learned, v) for pk, v in rows))


def build_factor_graph(model: FactorModel) -> None:
    """Builds the HNSW graph, over inner products of unit vectors."""
    _execute(
        "CREATE INDEX IF NOT EXISTS {index} ON {table} USING hnsw (factor halfvec_ip_ops)"
        f" WITH (m = {GRAPH_M}, ef_construction = {GRAPH_EF})",
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
    query = sql.SQL("SELECT product_id, factor FROM {} WHERE product_id = ANY({})").format(
        sql.Identifier(model.factor_table), sql.Literal(list(ids))
    )
    rows = list(read_rows(query, ("int8", "halfvec")))
    if not rows:
        return {}
    factors = lower(np.stack([vector for _, vector in rows]).astype(np.float32), model.longest)
    return {pk: factor for (pk, _), factor in zip(rows, factors, strict=True)}


def nearest_factors(
    model: FactorModel, query: np.ndarray, count: int, condition: sql.Composable = VISIBLE
) -> list[NearestFactor]:
    """Returns the `count` products whose factors have the greatest inner product with `query`
    (dimensions,), the greatest first. `condition` is about `product`, a row of catalog_product,
    with each `%` doubled."""
    length = float(np.linalg.norm(query))
    vector = HalfVector(np.append(query / max(length, 1e-9), 0.0).astype(np.float32))
    statement = NEAREST.format(
        table=sql.Identifier(model.factor_table), condition=condition, count=sql.Literal(count)
    )
    rows = fetch_rows(statement, [vector, vector])
    return [NearestFactor(pk, cos * length * model.longest, cat) for pk, cos, cat in rows]


def _execute(statement: str, model: FactorModel) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(
                table=sql.Identifier(model.factor_table),
                index=sql.Identifier(f"{model.factor_table}_graph"),
                dimensions=sql.Literal(model.dimensions + 1),
            )
        )
