"""One call deletes a user or a session. After the next training, no table has a trace of it."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.models import Event, Product
from tests.indexing.recommendations.conftest import train

pytestmark = pytest.mark.django_db

EVENTS, RECOMMENDATIONS = "/api/v1/events/", "/api/v1/recommendations/"
USER, SESSION = "anna-karenina@example.org", "a-session-of-anna-karenina"
OTHER = "another-session-than-that-of-anna"
TRACES = "SELECT count(*) FROM {} row WHERE row::text ILIKE %s OR row::text ILIKE %s"


def tables_with(name: str) -> set[str]:
    """Returns the tables with a row in which any column has the name, as text or as bytes."""
    wanted = [f"%{name}%", f"%{name.encode().hex()}%"]
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace IN ('public'::regnamespace, pg_my_temp_schema())"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(TRACES.format(table), wanted)
            if cursor.fetchone() != (0,):
                found.add(table)
    return found


@pytest.fixture
def server() -> dict[str, str]:
    """Headers of a server of the shop."""
    _, key = create_key("server", ["events", "search"], "test")
    return {"Authorization": f"Bearer {key}"}


def visit(client: Client, headers: dict[str, str], **who: str) -> None:
    """A shopper opens, buys and rejects products, and is recommended others."""
    products = list(Product.objects.values_list("pk", flat=True)[:4])
    events: list[dict[str, Any]] = [
        {"type": kind, "product": pk, "at": timezone.now().isoformat(), **who}
        for kind, pk in zip(("view", "purchase", "wrong", "cart"), products, strict=True)
    ]
    repeatable = {**headers, "Idempotency-Key": uuid.uuid4().hex}
    sent = client.post(EVENTS, events, "application/json", headers=repeatable)
    assert sent.json()["accepted"] == 4
    assert client.get(RECOMMENDATIONS, who, headers=headers).status_code == 200


@pytest.mark.parametrize("who", [{"user": USER}, {"session": SESSION}])
def test_nothing_of_a_deleted_shopper_remains_after_the_next_training(
    shop: None, client: Client, server: dict[str, str], who: dict[str, str]
) -> None:
    [name] = who.values()
    headers = server if "user" in who else {}
    visit(client, headers, **who)
    visit(client, {}, session=OTHER)
    train()
    assert tables_with(name)  # it would be found

    query = "&".join(f"{key}={value}" for key, value in who.items())
    deleted = client.delete(f"{EVENTS}?{query}", headers=headers)
    train()

    assert deleted.json() == {"deleted": 4}
    assert tables_with(name) == set()
    assert Event.objects.filter(session=OTHER).count() == 4
    kinds = {
        result["because"]["kind"]
        for result in client.get(RECOMMENDATIONS, who, headers=headers).json()["results"]
    }
    assert kinds == {"popular", "new"}
