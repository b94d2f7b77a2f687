"""Measures the pages of the console with a large catalogue and a long log of searches."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import EncoderVersion, Generation, LoggedSearch, Product, Source

REPEATS = 15
# Pages of their own, with the row that they are about.
PAGES: dict[str, type[Any] | None] = {
    **dict.fromkeys(["find_product", "search_analytics", "try_query", "generations_compare"]),
    **dict.fromkeys(["moving_runs", "drift", "train", "generation_roll_back", "import_file"]),
    **dict.fromkeys(["try_all_photos_again", "recommendation_history", "recommended_to"]),
    **dict.fromkeys(["experiment_start"]),
    **dict.fromkeys(["why_not_found", "where_it_stands"], Product),
    **dict.fromkeys(["generation_publish", "generation_reject"], Generation),
    **dict.fromkeys(["adopt_encoder", "rebuild_with_encoder"], EncoderVersion),
}
# Pages that a photo or words are sent to
ASKED = ("try_query", "where_it_stands", "generations_compare")
PHOTO = settings.BASE_DIR / "catalog/demo/photos/blends-antiquechair-0.jpg"
# Parts of addresses: a search, a filter, a sorting, or a late page of a long list.
LOG_QUESTIONS = (
    "outcome=weak",
    "outcome=empty",
    "kind=text",
    "q=thing+400",
    "q=zebra",
    "o=-11",
    "p=100",
)
QUESTIONS = (
    *(("index", "?days=30"), ("find_product", "?q=Thing+4711"), ("search_analytics", "?days=30")),
    *(("catalog_product_changelist", f"?{asked}") for asked in ("q=Thing+4711", "o=2", "p=900")),
    *(("catalog_loggedsearch_changelist", f"?{asked}") for asked in LOG_QUESTIONS),
    *(("catalog_event_changelist", f"?{asked}") for asked in ("type__exact=wrong", "o=2")),
)

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


INSERT_OPERATIONS = """
    INSERT INTO indexing_imagefailure (product_id, image_id, content_hash, attempts, reason,
                                       quarantined, since, last_at)
    SELECT product_id, id, content_hash, 3, 'The decoder crashed.', true, now(), now()
    FROM catalog_productimage WHERE product_id % 100 = 0 ON CONFLICT DO NOTHING;
    INSERT INTO catalog_auditentry (at, by, action, target, detail)
    SELECT now() - n * INTERVAL '9 minutes', 'anna', 'change', 'product ' || n, ''
    FROM generate_series(1, 20000) n;
    INSERT INTO indexing_indexingrun (kind, state, stage, encoder, publish, at_once, options,
        result, started_by, created_at, started_at, finished_at, error)
    SELECT 'refresh', 'succeeded', '', '', true, false, '{}', '{}', 'the schedule',
        at, at, at + INTERVAL '1 minute', ''
    FROM (SELECT now() - n * INTERVAL '5 hours' AS at FROM generate_series(1, 5000) n) runs
"""


@dataclass(frozen=True)
class PageTimes:
    """The durations of a page in ms (REPEATS,), and the queries of one request."""

    page: str
    durations: np.ndarray
    queries: int


def fill_logs(searches: int) -> None:
    """Adds searches of several weeks, clicks on their results, measurements of a month, runs, and
    failed photos, unless there are as many searches already."""
    if LoggedSearch.objects.count() >= searches:
        return
    first = Product.objects.order_by("pk").values_list("pk", flat=True)[0]
    values = {"searches": searches, "first": first, "products": Product.objects.count()}
    with connection.cursor() as cursor:
        for statement in (INSERT_SEARCHES, INSERT_CLICKS, INSERT_MEASUREMENTS):
            cursor.execute(statement, values)
        for statement in INSERT_OPERATIONS.split(";"):
            cursor.execute(statement)
        cursor.execute("ANALYZE")


def measure_pages() -> Iterator[PageTimes]:
    """Requests each page of the console as a superuser, once to warm up and then REPEATS times."""
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    Source.objects.get_or_create(name="bench", defaults={"address": "https://shop.example/feed"})
    for page, address in _addresses():
        yield _measure(page, partial(_open, client, address))
    for page, address in _own_pages():
        if page in ASKED:
            yield _measure(f"{page}, photo", partial(_send_photo, client, address))


def _measure(page: str, request: Callable[[], float]) -> PageTimes:
    """Measures what one call of `request` asks for. It returns its duration in ms."""
    with CaptureQueriesContext(connection) as queries:
        request()
    number = len(queries)  # the next request empties them
    return PageTimes(page, np.array([request() for _ in range(REPEATS)]), number)


def _addresses() -> Iterator[tuple[str, str]]:
    """Yields the name and the address of the first page, of each list, of a row of each list, and
    of the pages of their own."""
    yield "index", reverse("admin:index")
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"{name}_changelist", reverse(f"admin:{name}_changelist")
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield f"{name}_change", reverse(f"admin:{name}_change", args=[quote(row.pk)])
    for kind in ("refresh", "rebuild", "fetch", "import", "training"):
        yield f"start_run {kind}", reverse("admin:start_run", args=[kind])
    yield from _own_pages()
    for page, asked in QUESTIONS:
        yield f"{page} {asked}", reverse(f"admin:{page}") + asked


def _own_pages() -> Iterator[tuple[str, str]]:
    for page, about in PAGES.items():
        arguments = [about.objects.order_by("-pk")[0].pk] if about else []
        yield page, reverse(f"admin:{page}", args=arguments)


def _open(client: Client, address: str) -> float:
    """Requests a page and returns the duration in ms."""
    started = time.perf_counter()
    response = client.get(address)
    return _duration(started, address, response)


def _send_photo(client: Client, address: str) -> float:
    """Sends a photo to a page that searches with it, and returns the duration in ms."""
    photo = SimpleUploadedFile(PHOTO.name, PHOTO.read_bytes(), "image/jpeg")
    started = time.perf_counter()
    response = client.post(address, {"photo": photo})
    return _duration(started, address, response)


def _duration(started: float, address: str, response: Any) -> float:
    duration = (time.perf_counter() - started) * 1000
    if response.status_code not in (200, 302):
        raise RuntimeError(f"{address} answers {response.status_code}.")
    if problem := (response.context or {}).get("problem"):
        raise RuntimeError(f"{address} says: {problem}")
    return duration
