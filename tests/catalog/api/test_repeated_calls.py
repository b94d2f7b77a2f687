"""Calls with an Idempotency-Key are done once, however often and however closely they are sent."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.api.idempotent_calls import delete_old_calls
from catalog.models import AuditEntry, Event, IdempotentCall, Product
from tests.catalog.api.waiting import waiting_statements
from tests.support.processes import wait_until

IMPORT, EVENTS = "/api/v1/products/import/", "/api/v1/events/"
ITEM = {"sku": "A", "title": "Oak chair", "price": 10}
CHAIR = {"products": [ITEM]}

Post = Callable[..., Any]


def post(client: Client, path: str, body: Any, name: str | None, key: str = "", **more: Any) -> Any:
    headers = {} if name is None else {"Idempotency-Key": name}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(path, json.dumps(body), "application/json", headers=headers, **more)


@pytest.fixture
def key(empty_catalogue: None) -> str:
    return create_key("Order system", ["catalog", "events"], "test")[1]


def test_a_repeated_import_gets_the_first_answer_and_changes_nothing(
    client: Client, key: str
) -> None:
    first = post(client, IMPORT, CHAIR, "n-1", key)
    Product.objects.update(title="Edited since")

    again = post(client, IMPORT, CHAIR, "n-1", key)

    assert first.json()["items"][0]["status"] == "created"
    assert (again.status_code, again.content) == (200, first.content)
    assert (again["Idempotent-Replayed"], "Idempotent-Replayed" in first) == ("true", False)
    assert Product.objects.get().title == "Edited since"
    assert AuditEntry.objects.filter(action="import").count() == 1
    anew = post(client, IMPORT, CHAIR, "n-2", key)
    assert anew.json()["items"][0]["status"] == "updated"


def test_repeated_events_are_recorded_once(client: Client, key: str) -> None:
    product = Product.objects.create(sku="A", title="Chair")
    event = {"type": "click", "product": product.pk, "session": "s"}
    spaced = json.dumps({"events": [dict(reversed(event.items()))]}, indent=4)

    first = post(client, EVENTS, {"events": [event]}, "phone-1")
    again = client.post(EVENTS, spaced, "application/json", headers={"Idempotency-Key": "phone-1"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert (
        first.json() == again.json() == {"accepted": 1, "unknown": 0, "repeated": 0, "declined": 0}
    )
    assert Event.objects.count() == 1
    post(client, EVENTS, {"events": [event]}, None)
    post(client, EVENTS, {"events": [event]}, None)
    assert Event.objects.count() == 3


def test_the_same_name_with_another_body_is_refused(
    client: Client, key: str, check_problem: Any
) -> None:
    post(client, IMPORT, CHAIR, "n-1", key)

    other = post(client, IMPORT, {"products": [{**ITEM, "price": 12}]}, "n-1", key)

    assert "another body" in check_problem(other, 422, "parameter_invalid")["detail"]
    assert Product.objects.get().price == 10


def test_callers_and_calls_do_not_share_names(client: Client, key: str) -> None:
    _, other_key = create_key("Other system", ["catalog"], "test")
    event = {"type": "view", "sku": "A", "session": "s"}

    answers = [
        post(client, IMPORT, CHAIR, "n-1", key),
        post(client, IMPORT, CHAIR, "n-1", other_key),
        post(client, EVENTS, [event], "n-1", key),
        post(client, EVENTS, [event], "n-1", REMOTE_ADDR="192.0.2.1"),
        post(client, EVENTS, [event], "n-1", REMOTE_ADDR="192.0.2.2"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 202, 202, 202]
    assert not any("Idempotent-Replayed" in answer for answer in answers)
    assert Event.objects.count() == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM catalog_idempotentcall t")
        assert not any("192.0.2" in row for (row,) in cursor.fetchall())


def test_a_call_that_failed_is_tried_again(client: Client, key: str) -> None:
    wrong = post(client, IMPORT, {"products": []}, "n-1", key)

    right = post(client, IMPORT, CHAIR, "n-1", key)

    assert (wrong.status_code, right.status_code) == (400, 200)


@pytest.mark.parametrize("name", ["", "x" * 256, "a b", "é", "a\tb"])
def test_what_is_no_name_is_refused(
    client: Client, key: str, check_problem: Any, name: str
) -> None:
    refused = post(client, IMPORT, CHAIR, name, key)

    assert "Idempotency-Key" in check_problem(refused, 400, "parameter_invalid")["detail"]
    assert not Product.objects.exists()


def test_names_are_forgotten_after_a_day(client: Client, key: str) -> None:
    for name in ("old", "new"):
        post(client, IMPORT, CHAIR, name, key)
    IdempotentCall.objects.filter(pk=IdempotentCall.objects.earliest("at").pk).update(
        at=timezone.now() - timedelta(hours=25, minutes=1)
    )

    assert "Idempotent-Replayed" not in post(client, IMPORT, CHAIR, "old", key)
    IdempotentCall.objects.filter(pk=IdempotentCall.objects.latest("at").pk).update(
        at=timezone.now() - timedelta(hours=25, minutes=1)
    )
    assert delete_old_calls() == 1
    assert "Idempotent-Replayed" in post(client, IMPORT, CHAIR, "new", key)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_done_once() -> None:
    Product.objects.create(sku="A", title="Old chair")
    _, key = create_key("Order system", ["catalog"], "test")

    def send(number: int) -> Any:
        try:
            return post(Client(), IMPORT, CHAIR, "n-1", key)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            Product.objects.select_for_update().get()  # the first import waits for it
            sent = [threads.submit(send, number) for number in range(2)]
            wait_until(lambda: waiting_statements() == 2)
        answers = [future.result(30) for future in sent]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert sorted("Idempotent-Replayed" in answer for answer in answers) == [False, True]
    assert AuditEntry.objects.filter(action="import").count() == 1
