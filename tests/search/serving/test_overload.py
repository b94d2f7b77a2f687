"""Too many searches, and searches that take too long, are refused with a sentence."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.index.live_index import live_index
from catalog.visual.encoder import ObjectHeadOutput
from search.serving.admission import Admission, Budget
from search.serving.deadline import Deadline, Overloaded
from tests.search.full_admission import full_admission

Get = Callable[..., dict[str, Any]]
LAMP = "scopia-living-lamp-2"


def test_the_maximum_of_callers_run_at_once_and_others_wait() -> None:
    admission, inside, most = Admission(2, 6), [], []
    counting = threading.Lock()

    def work(_: int) -> None:
        with admission.admitted(Deadline()):
            with counting:
                inside.append(1)
                most.append(len(inside))
            threading.Event().wait(0.01)
            with counting:
                inside.pop()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))

    assert len(most) == 8
    assert max(most) == 2


def test_callers_beyond_the_queue_are_refused() -> None:
    admission = Admission(1, 0)

    with admission.admitted(Deadline()), pytest.raises(Overloaded, match="Too many"):
        admission.admitted(Deadline()).__enter__()

    with admission.admitted(Deadline()):
        pass


def test_waiting_for_admission_ends_at_the_deadline(settings: Any) -> None:
    admission = Admission(1, 1)
    settings.SEARCH_TIME_LIMIT_S = 0.05

    with admission.admitted(Deadline()), pytest.raises(Overloaded, match="too long"):
        admission.admitted(Deadline()).__enter__()

    with admission.admitted(Deadline()):  # a caller that gave up no longer counts
        pass


def test_waiting_searches_run_in_order_of_arrival() -> None:
    admission, order = Admission(1, 10), []
    arrived = [threading.Event() for _ in range(5)]

    def work(number: int) -> None:
        with admission.admitted(Deadline()):
            order.append(number)

    with ThreadPoolExecutor(5) as threads, admission.admitted(Deadline()):
        for number in range(5):
            threads.submit(work, number)
            while len(admission._waiting) <= number:
                arrived[number].wait(0.001)
    assert order == [0, 1, 2, 3, 4]


def test_concurrent_searches_stay_within_the_photo_budget() -> None:
    budget, held, most = Budget(7), [0], [0]
    counting = threading.Lock()

    def change(by: int) -> None:
        with counting:
            held[0] += by
            most[0] = max(most[0], held[0])

    def work(count: int) -> None:
        with budget.held(count, Deadline()):
            change(count)
            threading.Event().wait(0.005)
            change(-count)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [1, 2, 3, 4, 5] * 6))

    assert held == [0]
    assert 5 <= most[0] <= 7


def test_waiting_for_the_budget_ends_at_the_deadline(settings: Any) -> None:
    budget = Budget(5)
    settings.SEARCH_TIME_LIMIT_S = 0.05

    with (
        budget.held(3, Deadline()),
        pytest.raises(Overloaded, match="too long"),
        budget.held(3, Deadline()),
    ):
        pass

    with budget.held(5, Deadline()):  # all of it is free again
        pass


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_search_beyond_the_queue_gets_503_with_retry_after(
    client: Client, photos: Any, check_problem: Callable[..., Any]
) -> None:
    image = BytesIO(photos[LAMP].data)

    with full_admission():
        response = client.post("/api/v1/search/photo/", {"image": image})
        page = client.get("/search/?q=lamp")

    assert "again" in check_problem(response, 503, "unavailable")["detail"]
    assert int(response["Retry-After"]) > 0
    assert page.status_code == 503
    assert int(page["Retry-After"]) > 0
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_search_past_its_deadline_ends_between_stages(
    client: Client,
    photos: Any,
    settings: Any,
    check_problem: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.SEARCH_TIME_LIMIT_S = 0.1
    encoder = live_index().query_encoder
    original = encoder.run_object_head

    def run_slowly(pixels: Any) -> ObjectHeadOutput:
        threading.Event().wait(0.2)
        return original(pixels)

    monkeypatch.setattr(encoder, "run_object_head", run_slowly)
    image = BytesIO(photos[LAMP].data + b"never seen")
    with CaptureQueriesContext(connection) as queries:
        response = client.post("/api/v1/search/photo/", {"image": image})

    assert "too long" in check_problem(response, 503, "unavailable")["detail"]
    assert not any("nearest" in query["sql"] for query in queries.captured_queries)


@pytest.mark.django_db
def test_the_database_cancels_a_statement_after_its_timeout() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20")
        with pytest.raises(OperationalError, match="timeout"):
            cursor.execute("SELECT pg_sleep(5)")


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_concurrent_searches_by_the_same_photo_share_one_analysis(
    photos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = live_index().query_encoder
    passes, original = [], encoder.run_object_head

    def run_and_count(pixels: Any) -> ObjectHeadOutput:
        passes.append(len(pixels))
        return original(pixels)

    monkeypatch.setattr(encoder, "run_object_head", run_and_count)
    data = photos["blends-antiquechair-0"].data + b"not seen before"

    def search(_: int) -> int:
        try:
            image = BytesIO(data)
            answer = Client().post("/api/v1/search/photo/", {"image": image}).json()
            return answer["results"][0]["product"]["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        first = set(threads.map(search, range(8)))

    assert passes == [1]
    assert len(first) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_text_is_encoded_once(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = live_index().query_encoder
    encoded, original = [], encoder.encode_texts
    monkeypatch.setattr(encoder, "encode_texts", lambda t: encoded.extend(t) or original(t))

    for _ in range(3):
        get("search/text/", {"q": "a lamp that is new"})

    assert encoded == ["a lamp that is new"]
