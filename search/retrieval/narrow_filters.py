"""Tells filters that few products pass, which are better compared one by one, from others."""

from django.core.cache import caches
from psycopg.sql import SQL, Literal

from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import ProductCondition
from catalog.models import Generation
from catalog.models.product import content_hash
from search.retrieval.candidates import BROAD_FILTER_TTL_S, exact_search_limit

COUNT = SQL("SELECT count(*) FROM ({passing} LIMIT {limit}) passing")


def is_narrow(condition: ProductCondition, generation: Generation, wanted: int) -> bool:
    """Returns whether comparing all products that fulfil the condition costs less than finding the
    `wanted` nearest ones in a graph of all. Counts them, but remembers for a minute that they were
    too many."""
    limit = exact_search_limit(generation.images, wanted)
    broad = f"{generation.pk}: over {limit} fulfil {condition.test.as_string()}"
    key = content_hash(broad.encode())
    if caches["default"].get(key, False):
        return False
    count = COUNT.format(passing=condition.select(SQL("1")), limit=Literal(limit + 1))
    [(passing,)] = fetch_rows(count, [])
    if passing > limit:
        caches["default"].set(key, True, BROAD_FILTER_TTL_S)
    return bool(passing <= limit)
