"""Measures the pages of the console with a long log of searches."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import LoggedSearch, Product, Source

REPEATS = 15
PAGES = (
    *("index", "find_product", "why_not_found", "search_analytics", "try_query"),
    *("generations_compare", "moving_runs"),
    *("catalog_loggedsearch_changelist", "catalog_loggedsearch_change"),
    *("catalog_event_changelist", "indexing_indexingrun_changelist"),
    *("catalog_generation_changelist", "indexing_imagefailure_changelist"),
    *("catalog_imageaddress_changelist", "catalog_encoderversion_changelist"),
    *("catalog_product_changelist", "catalog_product_change", "catalog_category_changelist"),
    *("catalog_tag_changelist", "catalog_source_changelist", "catalog_productimport_changelist"),
    *("catalog_auditentry_changelist", "auth_user_changelist", "auth_group_changelist"),
)
QUESTIONS = {"find_product": "?q=Thing+4711", "index": "?days=30"}

INSERT_SEARCHES = """
    INSERT INTO catalog_loggedsearch
        (query_id, at, kind, generation_id, timings_ms, filtered, sort, "offset", products,
         features, best_match, words)
    SELECT md5('bench' || n), now() - n * INTERVAL '13 seconds',
        CASE n %% 3 WHEN 0 THEN 'text' ELSE 'photo' END,
        (SELECT id FROM catalog_generation WHERE state = 'live'),
        jsonb_build_object('decode', 5 + n %% 7, 'embed', 15 + n %% 11, 'retrieve', 8 + n %% 5,
                           'rank', 4 + n %% 3, 'total', 32 + n %% 26),
        n %% 5 = 0, 'relevance', 0,
        ARRAY(SELECT %(first)s + (n::bigint * 7919 + place * 31) %% %(products)s
              FROM generate_series(1, 24) place),
        '[]', CASE WHEN n %% 9 = 0 THEN 'weak' ELSE 'similar' END,
        CASE WHEN n %% 3 = 0 THEN 'thing ' || n %% 500 ELSE '' END
    FROM generate_series(1, %(searches)s) n ON CONFLICT DO NOTHING
"""
INSERT_CLICKS = """
    INSERT INTO catalog_event (at, type, product_id, "user", session, query_id, origin)
    SELECT at, CASE WHEN random() < .05 THEN 'wrong' ELSE 'click' END,
        products[1 + floor(random() * random() * 24)], '', '', query_id, ''
    FROM catalog_loggedsearch WHERE random() < .3
"""
INSERT_MEASUREMENTS = """
    INSERT INTO catalog_measurement (at, figures)
    SELECT now() - n * INTERVAL '5 minutes', jsonb_build_object(
        'lag_p50_s', 60 + n %% 90, 'lag_p95_s', 300 + n %% 500, 'products_pending', n %% 70,
        'searches', 20 + n %% 9, 'weak', n %% 4, 'refused', 0, 'total_p50_ms', 40 + n %% 9,
        'total_p95_ms', 90 + n %% 30, 'products_total', %(products)s,
        'products_indexed', %(products)s)
    FROM generate_series(1, 30 * 24 * 12) n ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class PageTimes:
    """The durations of a page in ms (REPEATS,), and the queries of one request."""

    page: str
    durations: np.ndarray
    queries: int


def fill_logs(searches: int) -> None:
    """Adds searches of several weeks, clicks on their results, and measurements of a month, unless
    there are as many searches already."""
    if LoggedSearch.objects.count() >= searches:
        return
    first = Product.objects.order_by("pk").values_list("pk", flat=True)[0]
    values = {"searches": searches, "first": first, "products": Product.objects.count()}
    with connection.cursor() as cursor:
        for statement in (INSERT_SEARCHES, INSERT_CLICKS, INSERT_MEASUREMENTS):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE catalog_loggedsearch, catalog_event, catalog_measurement")


def measure_pages() -> list[PageTimes]:
    """Requests each page of the console as a superuser, once to warm up and then REPEATS times."""
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    Source.objects.get_or_create(name="bench", defaults={"address": "https://shop.example/feed"})
    product = Product.objects.order_by("pk")[0].pk
    search = LoggedSearch.objects.all()[0].pk
    arguments: dict[str, list[Any]] = {
        "why_not_found": [product],
        "catalog_product_change": [product],
        "catalog_loggedsearch_change": [search],
    }
    measured = []
    for page in PAGES:
        address = reverse(f"admin:{page}", args=arguments.get(page)) + QUESTIONS.get(page, "")
        with CaptureQueriesContext(connection) as queries:
            _open(client, address)
        durations = [_open(client, address) for _ in range(REPEATS)]
        measured.append(PageTimes(page, np.array(durations), len(queries)))
    return measured


def _open(client: Client, address: str) -> float:
    """Requests a page and returns the duration in ms."""
    started = time.perf_counter()
    response = client.get(address)
    if response.status_code != 200:
        raise RuntimeError(f"{address} answers {response.status_code}.")
    return (time.perf_counter() - started) * 1000
