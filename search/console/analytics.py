"""Figures of logged searches: how many, how good, how fast, which words, and what is opened. Each
statement reads the newest MAX_SEARCHES of the period, so its cost does not grow with the log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from catalog.console.translated_names import name_search_kind
from catalog.models import Product

MAX_SEARCHES = 20_000
MAX_TOP = 15
PLACES = 12

NEWEST = """
    (SELECT {columns} FROM catalog_loggedsearch
     WHERE at >= %(since)s ORDER BY at DESC LIMIT %(searches)s) recent
"""
PAGES = NEWEST.format(columns='query_id, products, "offset"')
# Only the first page of a search counts as one.
FIRST_PAGES = (
    "WITH first_pages AS (SELECT * FROM "
    + NEWEST.format(columns='kind, words, best_match, products, "offset", filtered, timings_ms')
    + 'WHERE "offset" = 0)'
)
OVERVIEW = """
    SELECT kind, count(*), count(*) FILTER (WHERE cardinality(products) = 0),
           count(*) FILTER (WHERE best_match = 'weak'), count(*) FILTER (WHERE filtered),
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
               ORDER BY (timings_ms->>'total')::float8)
    FROM first_pages GROUP BY kind ORDER BY 2 DESC
"""
STAGES = """
    SELECT stage.key, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
        ORDER BY stage.value::float8)
    FROM first_pages, jsonb_each_text(timings_ms) stage GROUP BY stage.key
"""
WORDS = """
    SELECT lower(words), count(*), count(*) FILTER (WHERE cardinality(products) = 0),
           count(*) FILTER (WHERE best_match = 'weak')
    FROM first_pages WHERE words <> '' GROUP BY lower(words) ORDER BY 2 DESC, 1 LIMIT %(top)s
"""
# The places of clicks, and then the products that were opened most, in one pass over the events.
ACTIONS = f"""
    WITH acted AS MATERIALIZED (
        SELECT event.type, event.product_id,
            recent."offset" + array_position(recent.products, event.product_id) AS place
        FROM {PAGES} JOIN catalog_event event ON event.query_id = recent.query_id
            AND event.query_id <> '' AND event.type IN ('click', 'wrong')
    ), pages AS MATERIALIZED (
        SELECT "offset", cardinality(products) AS size, count(*) AS number
        FROM {PAGES} GROUP BY 1, 2
    )
    (SELECT 'place', place, (SELECT coalesce(sum(number), 0)::bigint FROM pages
                             WHERE "offset" < place AND "offset" + size >= place),
        count(acted.place) FILTER (WHERE type = 'click'),
        count(acted.place) FILTER (WHERE type = 'wrong')
    FROM generate_series(1, %(places)s) place LEFT JOIN acted USING (place)
    GROUP BY place ORDER BY place)
    UNION ALL
    (SELECT 'product', product_id, 0, count(*) FILTER (WHERE type = 'click'),
        count(*) FILTER (WHERE type = 'wrong')
    FROM acted GROUP BY product_id ORDER BY 4 DESC, 5 DESC, 2 LIMIT %(top)s)
"""


@dataclass(frozen=True)
class Kind:
    """The searches of a kind. `p50` and `p95`: of their duration in ms."""

    kind: str
    searches: int
    empty: int
    weak: int
    filtered: int
    p50: float | None
    p95: float | None

    @property
    def name(self) -> str:
        """The kind in the reader's language."""
        return name_search_kind(self.kind)

    @property
    def poor_share(self) -> int:
        """The percentage of searches without any good match."""
        return round(100 * (self.empty + self.weak) / self.searches)


@dataclass(frozen=True)
class Place:
    """A place among the results: how often a product was shown there, opened, and marked wrong."""

    place: int
    shown: int
    clicks: int
    wrong: int

    @property
    def rate(self) -> float | None:
        """Clicks for each 100 times that something was shown there."""
        return round(100 * self.clicks / self.shown, 1) if self.shown else None


@dataclass(frozen=True)
class Analytics:
    """What was searched for since a time. `words`: (words, searches, empty, weak); `things`:
    (product, clicks, wrong); `is_cut`: only the newest MAX_SEARCHES searches count."""

    kinds: list[Kind]
    stages: list[tuple[str, float, float]]
    words: list[tuple[str, int, int, int]]
    places: list[Place]
    things: list[tuple[Product, int, int]]
    is_cut: bool


def analyse(days: int) -> Analytics:
    """Returns the figures of the last days."""
    since = timezone.now() - timedelta(days=days)
    kinds = [
        Kind(*counts, *(percentiles or (None, None)))
        for *counts, percentiles in _rows(FIRST_PAGES + OVERVIEW, since)
    ]
    stages = dict(_rows(FIRST_PAGES + STAGES, since))
    order = ("decode", "embed", "retrieve", "rank", "total")
    acted = _rows(ACTIONS, since)
    places = [Place(*row) for about, *row in acted if about == "place"]
    things = [(pk, *counts) for about, pk, _, *counts in acted if about == "product"]
    products = Product.objects.prefetch_related("images").in_bulk([row[0] for row in things])
    return Analytics(
        kinds=kinds,
        stages=[(name, *(round(v, 1) for v in stages[name])) for name in order if name in stages],  # type: ignore[misc]
        words=_rows(FIRST_PAGES + WORDS, since),
        places=places,
        things=[(products[pk], *counts) for pk, *counts in things if pk in products],  # type: ignore[misc]
        is_cut=sum(kind.searches for kind in kinds) >= MAX_SEARCHES,
    )


def export_rows(days: int) -> Iterator[tuple[Any, ...]]:
    """Yields a header and the newest MAX_SEARCHES searches of the last days, for a table."""
    yield (
        *("time", "query", "kind", "words", "results", "best match", "filtered", "sort"),
        *("page", "total ms", "clicks", "wrong"),
    )
    statement = """
        WITH recent AS (
            SELECT * FROM catalog_loggedsearch WHERE at >= %s ORDER BY at DESC LIMIT %s)
        SELECT at, query_id, kind, words, cardinality(products), best_match, filtered, sort,
            "offset", timings_ms->>'total',
            (SELECT count(*) FROM catalog_event event WHERE event.query_id = recent.query_id
                AND event.query_id <> '' AND type = 'click'),
            (SELECT count(*) FROM catalog_event event WHERE event.query_id = recent.query_id
                AND event.query_id <> '' AND type = 'wrong')
        FROM recent ORDER BY at DESC
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [timezone.now() - timedelta(days=days), MAX_SEARCHES])
        rows = cursor.fetchall()
    for at, *values in rows:
        yield (at.isoformat(timespec="seconds"), *values)


def _rows(statement: str, since: datetime) -> list[Any]:
    limits = {"searches": MAX_SEARCHES, "places": PLACES, "top": MAX_TOP}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"since": since, **limits})
        return cursor.fetchall()
