"""Selects the clicks that count: clicks on results that a search showed, once for each origin,
sender, product and day, and not in a burst (docs/decisions/0022)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from indexing.clicks.click_bursts import LEAVE_OUT_ORIGIN_BURSTS, LEAVE_OUT_PRODUCT_BURSTS

# `at`, `day` and `search_origin` come from the search, which the server logged, because the sender
# of an event chooses its time. A search without an origin, logged before origins were, counts as an
# origin of its own.
CREATE_REPORTED_CLICKS = """
    CREATE TEMPORARY TABLE reported_click ON COMMIT DROP AS
    SELECT DISTINCT ON (event.query_id, event.product_id)
        event.id, event.query_id, event.product_id, search.at,
        (search.at AT TIME ZONE 'UTC')::date AS day,
        coalesce(nullif(search.origin, ''), search.query_id) AS search_origin,
        coalesce(nullif(event.origin, ''), search.query_id) AS event_origin,
        CASE WHEN event."user" <> '' THEN 'user ' || event."user"
            ELSE 'session ' || event.session END AS sender,
        TRUE AS counts, FALSE AS is_fast
    FROM catalog_event event JOIN catalog_loggedsearch search USING (query_id)
    WHERE event.type = 'click' AND event.query_id <> '' AND event.at >= %(since)s
        AND search.at >= %(since)s AND search.sort = 'relevance'
        AND event.product_id = ANY (search.products)
    ORDER BY event.query_id, event.product_id, event.id
"""
LEAVE_OUT_REPEATED = """
    UPDATE reported_click SET counts = FALSE FROM (
        SELECT id, row_number() OVER (PARTITION BY {key} ORDER BY at, id) AS number
        FROM reported_click WHERE counts
    ) numbered
    WHERE numbered.id = reported_click.id AND numbered.number > 1
"""
# Of several clicks with the same key, the first counts. The keys are applied one after the other,
# so that a click that does not count never stops another click from counting. Origins need no
# `day`: they change daily.
UNIQUE_KEYS = (
    "search_origin, product_id",
    "event_origin, product_id",
    "sender, product_id, day",
)


@contextmanager
def disable_nested_loops(cursor: CursorWrapper) -> Iterator[None]:
    """Disables nested loops for statements that join the whole log, within a transaction.

    With outdated statistics the planner chooses them, and the statement then takes hours."""
    cursor.execute("SET LOCAL enable_nestloop = off")
    yield
    cursor.execute("SET LOCAL enable_nestloop = on")


def create_reported_clicks(cursor: CursorWrapper, since: datetime) -> None:
    """Creates the temporary table `reported_click`: the clicks since `since` on results by
    relevance, one row for each search and product. Its column `counts` says whether to learn from
    the click. The table lives as long as the transaction. Bursts are stored in
    `catalog_clickburst`."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.reported_click")
    with disable_nested_loops(cursor):
        cursor.execute(CREATE_REPORTED_CLICKS, {"since": since})
    cursor.execute("ANALYZE reported_click")
    repeated = (LEAVE_OUT_REPEATED.format(key=key) for key in UNIQUE_KEYS)
    for statement in (*LEAVE_OUT_ORIGIN_BURSTS, *repeated, *LEAVE_OUT_PRODUCT_BURSTS):
        cursor.execute(statement)
