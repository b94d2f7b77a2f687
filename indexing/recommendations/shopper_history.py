"""Reads the history of shoppers as matrices of preferences."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from psycopg import sql
from scipy import sparse

from catalog.index.preferences import EVENT_WEIGHTS, HALF_LIFE_DAYS, MAX_WEIGHT
from catalog.index.vectors import read_rows

MIN_PRODUCTS = 2  # of a shopper; one says nothing of what goes together
MAX_PRODUCTS = 1_000  # of a shopper; more are the work of a program
# A shopper is a user, or else a session. The database numbers them, so their names stay there. An
# address invents as many as it likes, so what it reports of a product counts once a kind and day,
# for the first of them. An origin is an address of one day. Events without one come from files.
PREFERENCES = """
    WITH event AS (
        SELECT DISTINCT ON (reporter, product_id, type) shopper, product_id, type, at
        FROM (
            SELECT *, CASE WHEN origin <> '' THEN origin
                ELSE (at AT TIME ZONE 'UTC')::date || shopper END AS reporter
            FROM (
                SELECT id, product_id, type, at, origin,
                    CASE WHEN "user" <> '' THEN 'u' || "user" ELSE 's' || session END AS shopper
                FROM catalog_event
                WHERE at >= {since} AND at < {until} AND ("user" <> '' OR session <> '')
            ) named
        ) reported
        ORDER BY reporter, product_id, type, id
    ), preference AS (
        SELECT shopper, product_id,
            sum(kind.weight * exp2(event.at, {until})) AS all_days,
            coalesce(sum(kind.weight * exp2(event.at, {cut})) FILTER (WHERE event.at < {cut}), 0)
                AS earlier,
            bool_or(event.at >= {cut} AND kind.weight > 0) AS is_later
        FROM event
        JOIN unnest({kinds}::text[], {weights}::float8[]) AS kind (type, weight) USING (type)
        JOIN catalog_product product ON product.id = product_id AND product.is_visible
        GROUP BY 1, 2
    ), counted AS (
        SELECT *, count(*) OVER (PARTITION BY shopper) AS products FROM preference
    )
    SELECT dense_rank() OVER (ORDER BY shopper) - 1, product_id,
        greatest(-{longest}, least({longest}, all_days))::float8,
        greatest(-{longest}, least({longest}, earlier))::float8, is_later
    FROM counted WHERE products BETWEEN {fewest} AND {most}
"""
# How much an event still counts at a time.
EXP2 = "exp(-ln(2) * greatest(0, extract(epoch FROM {then} - event.at)) / {half_life})"


@dataclass(frozen=True)
class ShopperHistory:
    """The preferences of s shoppers for p products. `products`: ids (p,). `all_days` and
    `earlier`: weights (s, p), negative for rejected products, of the whole history and of that
    before the held-out days. `later`: 1 where a shopper opened a product, which was new to the
    shopper, in the held-out days."""

    products: np.ndarray
    all_days: sparse.csr_matrix
    earlier: sparse.csr_matrix
    later: sparse.csr_matrix

    @property
    def shoppers(self) -> int:
        return int(self.all_days.shape[0])


def read_history(until: datetime, days: int, held_out_days: int) -> ShopperHistory:
    """Reads the history of the `days` before `until`."""
    until_text, cut = sql.Literal(until), sql.Literal(until - timedelta(days=held_out_days))
    query = _with_decay(PREFERENCES).format(
        until=until_text,
        cut=cut,
        since=sql.Literal(until - timedelta(days=days)),
        kinds=sql.Literal(list(EVENT_WEIGHTS)),
        weights=sql.Literal(list(EVENT_WEIGHTS.values())),
        longest=sql.Literal(MAX_WEIGHT),
        fewest=sql.Literal(MIN_PRODUCTS),
        most=sql.Literal(MAX_PRODUCTS),
    )
    rows = list(read_rows(query, ("int8", "int8", "float8", "float8", "bool")))
    return as_matrices(*(np.array(column) for column in zip(*rows, strict=True)))


def as_matrices(
    shoppers: np.ndarray | None = None,
    product_ids: np.ndarray | None = None,
    all_days: np.ndarray | None = None,
    earlier: np.ndarray | None = None,
    is_later: np.ndarray | None = None,
) -> ShopperHistory:
    """Returns columns of preferences as matrices. Without arguments, the history is empty."""
    if shoppers is None:
        empty = sparse.csr_matrix((0, 0), dtype=np.float32)
        return ShopperHistory(np.empty(0, np.int64), empty, empty, empty)
    assert product_ids is not None
    products, columns = np.unique(product_ids, return_inverse=True)
    shape = (int(shoppers.max()) + 1, len(products))

    def matrix(values: np.ndarray) -> sparse.csr_matrix:
        made = sparse.csr_matrix((values.astype(np.float32), (shoppers, columns)), shape=shape)
        made.eliminate_zeros()
        return made

    assert all_days is not None
    assert earlier is not None
    assert is_later is not None
    return ShopperHistory(
        products, matrix(all_days), matrix(earlier), matrix(is_later & (earlier == 0))
    )


def _with_decay(statement: str) -> sql.SQL:
    for then in ("{until}", "{cut}"):
        decayed = EXP2.replace("{then}", then).replace("{half_life}", str(HALF_LIFE_DAYS * 86_400))
        statement = statement.replace(f"exp2(event.at, {then})", decayed)
    return sql.SQL(statement)
