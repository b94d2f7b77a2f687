"""How work is cut in chunks."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

Payload = dict[str, Any]
Check = Callable[[], None]


class StageFailed(Exception):
    """The run cannot go on; the message is a sentence that says why."""


def once(size: int = 1) -> Iterator[tuple[Payload, int]]:
    """A stage of a single chunk."""
    yield {}, size


def product_ranges(query: str, params: list[Any], per_chunk: int) -> Iterator[tuple[Payload, int]]:
    """Cuts the product ids that `query` gives (column `product_id`, one row an image, in any order)
    in ranges of about `per_chunk` rows: payload {"first", "last"}, both included."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT min(product_id), max(product_id), sum(images) FROM (
                SELECT product_id, images,
                       (sum(images) OVER (ORDER BY product_id) - images) / %s AS part
                FROM (SELECT product_id, count(*) AS images FROM ({query}) AS wanted
                      GROUP BY product_id) AS per_product
            ) AS parts GROUP BY div(part, 1) ORDER BY 1
            """,
            [per_chunk, *params],
        )
        for first, last, images in cursor.fetchall():
            yield {"first": first, "last": last}, int(images)
