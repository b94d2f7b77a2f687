"""Limits on the database work of a request: filter values, depth of pages, concurrent lists."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.index.live_index import live_index
from catalog.models import Product, Tag
from search.filters.kinds import MAX_VALUES
from search.query.vector import embed_query
from search.ranking.paging import find_results
from search.request import MAX_OFFSET, SearchRequest
from search.serving.deadline import StageClock
from tests.search.full_admission import full_admission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Check = Callable[[Any, int, str], dict[str, Any]]
LIST = "/api/v1/products/"
TEXT = "/api/v1/search/text/"
PAGE = "/search/"


def capture_statements(client: Client, address: str, parameters: dict[str, Any]) -> list[str]:
    """Returns the SQL statements of a request."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address, parameters)
    assert response.status_code == 200
    return [query["sql"] for query in queries.captured_queries]


@pytest.mark.parametrize("address", [LIST, TEXT, PAGE])
@pytest.mark.parametrize("name", ["tag", "category", "brand"])
def test_a_repeated_filter_value_counts_once(client: Client, address: str, name: str) -> None:
    words = {} if address == LIST else {"q": "lamp"}

    once, often = (
        max(capture_statements(client, address, {**words, name: ["chair"] * n}), key=len)
        for n in (1, 60)
    )

    assert len(often) < 1.1 * len(once)
    assert often.count("chair") == once.count("chair")


def test_a_list_filtered_by_tags_contains_the_products_with_any_of_them(client: Client) -> None:
    tags = ["wheelbarrow", "rocking-horse"]

    executed = capture_statements(client, LIST, {"tag": tags, "limit": 100})
    found = client.get(LIST, {"tag": tags, "limit": 100}).json()

    filtered = next(sql for sql in executed if "rocking-horse" in sql)
    assert filtered.count("EXISTS") == 1
    either = Product.objects.filter(product_tags__tag__slug__in=tags).distinct()
    assert (
        [p["id"] for p in found["results"]]
        == [p.pk for p in either.order_by("-popularity", "id")]
        != []
    )


@pytest.mark.parametrize("address", [LIST, TEXT])
@pytest.mark.parametrize(
    ("name", "max_values"), [("tag", MAX_VALUES), ("category", 50), ("brand", 50)]
)
def test_too_many_values_of_a_filter_are_refused(
    client: Client, check_problem: Check, address: str, name: str, max_values: int
) -> None:
    words = {} if address == LIST else {"q": "lamp"}

    accepted = client.get(address, {**words, name: [f"v{n}" for n in range(max_values)]})
    refused = client.get(address, {**words, name: [f"v{n}" for n in range(max_values + 1)]})

    assert accepted.status_code == 200
    assert name in check_problem(refused, 400, "parameter_invalid")["detail"]


def test_too_many_tags_are_refused_on_the_page(client: Client) -> None:
    slugs = list(Tag.objects.values_list("slug", flat=True))

    response = client.get(PAGE, {"q": "lamp", "tag": slugs[: MAX_VALUES + 1]})

    assert response.status_code == 400
    assert "Choose fewer values." in response.content.decode()


def test_lists_of_products_share_the_admission_of_searches(
    client: Client, check_problem: Check
) -> None:
    with full_admission():
        response = client.get(LIST)

    check_problem(response, 503, "unavailable")
    assert int(response["Retry-After"]) > 0


def test_a_page_beyond_the_maximum_offset_is_refused_with_a_sentence(
    client: Client, check_problem: Check
) -> None:
    deepest = client.get(TEXT, {"q": "lamp", "offset": MAX_OFFSET})
    deeper = client.get(TEXT, {"q": "lamp", "offset": MAX_OFFSET + 1})

    assert deepest.json()["results"] == []
    assert deepest.json()["next_offset"] is None
    assert str(MAX_OFFSET) in check_problem(deeper, 400, "parameter_invalid")["detail"]
    for language, sentence in (("en", "There are no more results."), ("ru", "Больше")):
        page = client.get(
            PAGE, {"q": "lamp", "offset": MAX_OFFSET + 1}, headers={"Accept-Language": language}
        )
        assert page.status_code == 400
        assert sentence in page.content.decode()


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(MAX_OFFSET - 24, MAX_OFFSET), (MAX_OFFSET - 23, None), (MAX_OFFSET, None)],
)
def test_next_offset_never_exceeds_the_maximum_offset(offset: int, expected: int | None) -> None:
    request = SearchRequest(text="chair", offset=offset, limit=24)

    assert request.next_offset(results=2 * MAX_OFFSET) == expected


@pytest.mark.parametrize("address", [LIST, PAGE])
def test_a_filter_accepts_values_up_to_its_maximum_length(client: Client, address: str) -> None:
    words = {} if address == LIST else {"q": "lamp"}

    for name, longest in (("tag", 100), ("brand", 200), ("category", 200)):
        statuses = [
            client.get(address, {**words, name: "x" * length}).status_code
            for length in (longest, longest + 1)
        ]
        assert statuses == [200, 400], name


def test_pages_of_a_search_at_its_maximum_depth_neither_repeat_nor_skip(
    settings: Any,
) -> None:
    # Given more photos than one search may retrieve.
    settings.SEARCH_CANDIDATES = 50
    index = live_index()

    ids: list[int] = []
    offset: int | None = 0
    while offset is not None:
        request = SearchRequest(text="chair", offset=offset, limit=40, fold=False)
        clock = StageClock()
        queries = embed_query(request, [], None, index, clock.deadline)
        found = find_results(request, queries, [], [], index, clock, photo_limit=300)
        ids += [item.candidate.product_id for item in found.ranked[offset : offset + 40]]
        offset = request.next_offset(len(found.ranked))

    assert 100 < len(ids) == len(set(ids)) < Product.objects.count()
