"""Logged searches with their pictures, their analytics and export; and a query step by step."""

import csv
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from catalog.models import Event, LoggedSearch, Product
from indexing.clicks.log_retention import delete_old_searches
from search.events.search_log import SearchLog
from search.photo_search import search
from search.request import SearchRequest
from tests.console.pages.people import member, text_of
from tests.indexing.shop import add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

LIST = "admin:catalog_loggedsearch_changelist"
ANALYTICS = "admin:search_analytics"


@pytest.fixture
def products() -> list[Product]:
    LoggedSearch.objects.all().delete()
    Event.objects.all().delete()
    return add_products(range(4))


def log(products: list[Product], **fields: Any) -> LoggedSearch:
    defaults: dict[str, Any] = {
        "query_id": uuid.uuid4().hex,
        "kind": "photo",
        "generation_id": 1,
        "timings_ms": {"embed": 8.0, "total": 20.0},
        "filtered": False,
        "sort": "relevance",
        "offset": 0,
        "products": [product.pk for product in products],
        "features": [],
        "best_match": "exact" if products else "",
    }
    return LoggedSearch.objects.create(**{**defaults, **fields})


def test_the_list_shows_results_words_clicks_and_outcomes(products: list[Product]) -> None:
    good = log(products, words="oak chair", kind="text")
    empty = log([], kind="text", words="")
    Event.objects.create(type="click", product_id=products[1].pk, query_id=good.query_id)
    Event.objects.create(type="wrong", product_id=products[0].pk, query_id=good.query_id)
    viewer = member("viewer")

    page = viewer.get(reverse(LIST)).content.decode()
    assert page.count("/media/products/") == 4
    assert "oak chair" in page
    rows = viewer.get(reverse(LIST)).context["cl"].result_list
    assert [(row.query_id, row.told) for row in rows] == [
        (empty.query_id, {"click": 0, "wrong": 0}),
        (good.query_id, {"click": 1, "wrong": 1}),
    ]

    only_empty = viewer.get(reverse(LIST), {"outcome": "empty"}).context["cl"].result_list
    assert [row.query_id for row in only_empty] == [empty.query_id]


def test_analytics_count_kinds_words_places_and_products(products: list[Product]) -> None:
    for words in ("Lamp", "lamp", "sofa"):
        log(products, kind="text", words=words, best_match="weak" if words == "sofa" else "exact")
    shown = log(products[:2])
    second_page = log(products[2:], offset=2)
    for query, product in ((shown, products[1]), (second_page, products[2])):
        Event.objects.create(type="click", product_id=product.pk, query_id=query.query_id)

    analytics = member("viewer").get(reverse(ANALYTICS)).context["analytics"]

    kinds = {kind.kind: (kind.searches, kind.weak, kind.poor_share) for kind in analytics.kinds}
    assert kinds == {"text": (3, 1, 33), "photo": (1, 0, 0)}
    assert analytics.words == [("lamp", 2, 0, 0), ("sofa", 1, 0, 1)]
    places = {place.place: (place.shown, place.clicks) for place in analytics.places}
    assert (places[1], places[2], places[3]) == ((4, 0), (4, 1), (4, 1))
    assert {product.pk: clicks for product, clicks, _ in analytics.things} == {
        products[1].pk: 1,
        products[2].pk: 1,
    }
    assert analytics.stages[-1] == ("total", 20.0, 20.0)


def test_the_export_contains_no_formula(products: list[Product]) -> None:
    words = ["=HYPERLINK(1)", "стул;=HYPERLINK(1)", "\t@SUM(1)", "ковёр 2-3 м; -5", '"oak", chair']
    for each in words:
        log(products, kind="text", words=each)

    response = member("viewer").get(reverse("admin:search_export"), {"days": "1"})

    file = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert file.startswith(b"\xef\xbb\xbf")  # by which spreadsheets recognise UTF-8
    header, *rows = csv.reader(file.decode("utf-8-sig").splitlines())
    assert header[:4] == ["time", "query", "kind", "words"]
    assert [row[3] for row in reversed(rows)] == [
        "'=HYPERLINK(1)",
        "стул;'=HYPERLINK(1)",  # where a semicolon ends a cell
        "'\t'@SUM(1)",
        "ковёр 2-3 м; -5",
        '"oak", chair',
    ]


def test_words_and_matches_are_logged_if_a_setting_allows_it(
    products: list[Product], settings: Any
) -> None:
    rebuild()
    settings.SEARCH_LOG_DAYS = 90
    request = SearchRequest(text="thing")
    search_log = SearchLog(write_interval_s=3600)
    for days in (0, 5):
        settings.SEARCH_LOG_WORDS_DAYS = days
        search_log.add(request, search(request), "192.0.2.1")
    search_log.flush()

    logged = LoggedSearch.objects.order_by("words")
    assert [row.words for row in logged] == ["", "thing"]
    assert {row.best_match for row in logged} == {"similar"}

    settings.SEARCH_LOG_WORDS_DAYS = 0
    delete_old_searches()
    assert [row.words for row in LoggedSearch.objects.all()] == ["", ""]


def test_a_query_is_shown_step_by_step(products: list[Product]) -> None:
    rebuild()
    file = SimpleUploadedFile("query.jpg", photo(2), "image/jpeg")

    response = member("viewer").post(reverse("admin:try_query"), {"photo": file})

    steps = response.context["steps"]
    assert steps.size == (64, 64)
    assert steps.preview.startswith("data:image/jpeg;base64,")
    assert steps.before[0].card.sku == steps.after[0].card.sku == "00002"
    assert steps.results[0].product.sku == "00002"
    assert steps.results[0].explanation["similarity"] > 0.5
    assert set(steps.timings_ms) == {"decode", "embed", "retrieve", "rank", "total"}
    assert not LoggedSearch.objects.exists()
    assert "Decoded to 64 × 64 pixels" in text_of(response)


def test_a_query_without_an_index_gets_a_sentence(products: list[Product]) -> None:
    viewer = member("viewer")
    page = viewer.post(reverse("admin:try_query"), {"words": "lamp"})
    assert "The index is being built for the first time." in text_of(page)

    viewer.cookies["django_language"] = "ru"
    page = viewer.post(reverse("admin:try_query"), {"words": "lamp"})
    assert "Индекс строится впервые." in text_of(page)


def test_a_query_that_takes_too_long_gets_a_sentence(
    products: list[Product], settings: Any
) -> None:
    rebuild()
    settings.SEARCH_TIME_LIMIT_S = 0
    viewer = member("viewer")
    viewer.cookies["django_language"] = "ru"

    page = viewer.post(reverse("admin:try_query"), {"words": "lamp"})

    assert "Запрос занял слишком много времени. Попробуйте ещё раз чуть позже." in text_of(page)
