"""Which clicks count: those on what a search really showed, once for each origin, sender, product
and day, and none of a burst (docs/decisions/0022)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from indexing.clicks.click_bursts import OF_ORIGINS, OF_PRODUCTS

# `at`, `day` and `shown_to` are the search's, written by the server: the time in an event is the
# sender's to choose. What was logged without an origin is one of its own for each search.
TELL = """
    CREATE TEMPORARY TABLE told_click ON COMMIT DROP AS
    SELECT DISTINCT ON (event.query_id, event.product_id)
        event.id, event.query_id, event.product_id, search.at,
        (search.at AT TIME ZONE 'UTC')::date AS day,
        coalesce(nullif(search.origin, ''), search.query_id) AS shown_to,
        coalesce(nullif(event.origin, ''), search.query_id) AS told_by,
        CASE WHEN event."user" <> '' THEN 'user ' || event."user"
            ELSE 'session ' || event.session END AS sender,
        TRUE AS counts, FALSE AS is_fast
    FROM catalog_event event JOIN catalog_loggedsearch search USING (query_id)
    WHERE event.type = 'click' AND event.query_id <> '' AND event.at >= %(since)s
        AND search.at >= %(since)s AND search.sort = 'relevance'
        AND event.product_id = ANY (search.products)
    ORDER BY event.query_id, event.product_id, event.id
"""
ONCE = """
    UPDATE told_click SET counts = FALSE FROM (
        SELECT id, row_number() OVER (PARTITION BY {same} ORDER BY at, id) AS number
        FROM told_click WHERE counts
    ) told
    WHERE told.id = told_click.id AND told.number > 1
"""
# One after the other, so that a click that does not count keeps no other from counting. An origin
# is of one day by itself.
SAME = ("shown_to, product_id", "told_by, product_id", "sender, product_id, day")


@contextmanager
def whole_log(cursor: CursorWrapper) -> Iterator[None]:
    """For statements that join all of the log, within a transaction: without nested loops, which
    the planner chooses where its statistics lag behind, and which then take hours."""
    cursor.execute("SET LOCAL enable_nestloop = off")
    yield
    cursor.execute("SET LOCAL enable_nestloop = on")


def tell_clicks(cursor: CursorWrapper, since: datetime) -> None:
    """Makes the temporary table `told_click` of the clicks since then in results by relevance, one
    row for each search and product, of which `counts` says whether to learn from it. It lives as
    long as the transaction. Bursts are noted in `catalog_clickburst`."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.told_click")
    with whole_log(cursor):
        cursor.execute(TELL, {"since": since})
    cursor.execute("ANALYZE told_click")
    for statement in (*OF_ORIGINS, *(ONCE.format(same=same) for same in SAME), *OF_PRODUCTS):
        cursor.execute(statement)
