"""Cuts the work of a stage into chunks."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from psycopg import sql

Payload = dict[str, Any]
Check = Callable[[], None]
"""A function that is called between the steps of a chunk. Raises an exception if the worker no
longer holds the chunk."""


class StageFailed(Exception):
    """The run cannot go on. The message is a sentence that says why."""


def single_chunk(size: int = 1) -> Iterator[tuple[Payload, int]]:
    """Plans a stage as a single chunk."""
    yield {}, size


def product_ranges(query: sql.Composable, per_chunk: int) -> Iterator[tuple[Payload, int]]:
    """Cuts the product ids of `query` (column `product_id`, one row for each image, in any order)
    into ranges of about `per_chunk` rows. The payload is {"first", "last"}, both included."""
    ranges = sql.SQL(
        """
        SELECT min(product_id), max(product_id), sum(images) FROM (
            SELECT product_id, images,
                   (sum(images) OVER (ORDER BY product_id) - images) / {per_chunk} AS part
            FROM (SELECT product_id, count(*) AS images FROM ({query}) AS planned
                  GROUP BY product_id) AS per_product
        ) AS parts GROUP BY div(part, 1) ORDER BY 1
        """
    ).format(query=query, per_chunk=sql.Literal(per_chunk))
    with connection.cursor() as cursor:
        cursor.execute(ranges)
        for first, last, images in cursor.fetchall():
            yield {"first": first, "last": last}, int(images)


def products_by_popularity(query: sql.Composable, per_chunk: int) -> Iterator[tuple[Payload, int]]:
    """Cuts the product ids of `query`, which is as for `product_ranges`, into lists of about
    `per_chunk` rows, the most popular products first. The payload is {"products"}, in ascending
    order. It lists the products, because their popularity may change before a worker claims the
    chunk. Streams the rows within a transaction and holds one chunk in memory at a time."""
    lists = sql.SQL(
        """
        SELECT array_agg(product_id ORDER BY product_id), sum(images) FROM (
            SELECT product_id, images,
                   div(sum(images) OVER (ORDER BY popularity DESC, product_id) - images,
                       {per_chunk}) AS part
            FROM (SELECT product_id, count(*) AS images FROM ({query}) AS planned
                  GROUP BY product_id) AS per_product
            JOIN catalog_product product ON product.id = product_id
        ) AS parts GROUP BY part ORDER BY part
        """
    ).format(query=query, per_chunk=sql.Literal(per_chunk))
    with connection.chunked_cursor() as cursor:
        cursor.execute(lists)
        for products, images in cursor:
            yield {"products": products}, int(images)
