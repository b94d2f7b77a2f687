"""The history of shoppers: events by call and by file, each stored once, by month, and deleted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pyarrow import parquet

from catalog.api.access_keys import create_key
from catalog.models import Event, Product
from indexing.clicks.log_retention import delete_old_searches

pytestmark = pytest.mark.django_db

SESSION = "5f0c9e51a2b34d18"
LONG_SESSION = SESSION * 2


@pytest.fixture
def product() -> Product:
    return Product.objects.create(sku="history-1", title="Lamp")


def send(client: Client, *events: dict[str, Any], **headers: str) -> dict[str, int]:
    answer = client.post("/api/v1/events/", list(events), "application/json", headers=headers)
    assert answer.status_code == 202, answer.content
    return answer.json()


def event(product: Product, **values: Any) -> dict[str, Any]:
    return {"type": "view", "product": product.pk, "session": SESSION, **values}


def months(product: Product) -> dict[str, int]:
    """The number of events of a product in each partition that has any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text, count(*) FROM catalog_event"
            " WHERE product_id = %s GROUP BY 1",
            [product.pk],
        )
        return dict(cursor.fetchall())


def partitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'catalog_event'::regclass ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def test_an_event_that_is_sent_twice_is_stored_once(client: Client, product: Product) -> None:
    sent = event(product, at=timezone.now().isoformat())

    first, again = send(client, sent), send(client, sent, {**sent, "type": "cart"})

    assert (first["accepted"], first["repeated"]) == (1, 0)
    assert (again["accepted"], again["repeated"]) == (2, 1)
    assert Event.objects.filter(product_id=product.pk).count() == 2


def test_events_go_to_the_table_of_their_month(product: Product) -> None:
    for at in (datetime(2019, 2, 3, tzinfo=UTC), datetime(2019, 3, 1, tzinfo=UTC)):
        Event.objects.create(type="view", product_id=product.pk, session=SESSION, at=at)
    assert months(product) == {"catalog_event_other": 2}

    Event.objects.prepare_months(datetime(2019, 1, 9, tzinfo=UTC), datetime(2019, 2, 9, tzinfo=UTC))

    assert months(product) == {"catalog_event_2019_02": 1, "catalog_event_other": 1}
    Event.objects.prepare_months(datetime(2019, 1, 9, tzinfo=UTC), datetime(2019, 3, 9, tzinfo=UTC))
    assert months(product) == {"catalog_event_2019_02": 1, "catalog_event_2019_03": 1}


def test_old_months_are_dropped_and_old_events_of_the_first_month_deleted(
    settings: Any, product: Product
) -> None:
    settings.HISTORY_DAYS = 40
    now = timezone.now()
    Event.objects.prepare_months(now - timedelta(days=100), now)
    for days in (100, 41, 39, 0):
        at = now - timedelta(days=days)
        Event.objects.create(type="view", product_id=product.pk, session=SESSION, at=at)

    assert delete_old_searches() == 2

    assert Event.objects.filter(product_id=product.pk).count() == 2
    assert f"catalog_event_{now - timedelta(days=100):%Y_%m}" not in partitions()
    assert f"catalog_event_{now + timedelta(days=31):%Y_%m}" in partitions()


@pytest.mark.parametrize("signal", ["Sec-GPC", "DNT"])
def test_a_browser_that_asks_not_to_be_followed_leaves_no_history(
    signal: str, client: Client, product: Product
) -> None:
    counts = send(client, event(product), **{signal: "1"})

    assert counts == {"accepted": 0, "unknown": 0, "repeated": 0, "declined": 1}
    assert not Event.objects.filter(product_id=product.pk).exists()


def test_a_file_of_events_is_imported_once(
    tmp_path: Path, product: Product, capsys: pytest.CaptureFixture[str]
) -> None:
    recent, old = timezone.now() - timedelta(days=2), timezone.now() - timedelta(days=400)
    lines = [
        "type,sku,user,session,at,extra",
        f"purchase,history-1,u-7,,{recent.isoformat()},x",
        f"view,history-1,,s-8,{recent.isoformat()},x",
        f"view,no such,,s-8,{recent.isoformat()},x",
        f"view,history-1,,s-8,{old.isoformat()},x",
        f"bought,history-1,,s-8,{recent.isoformat()},x",
        "view,history-1,,s-8,,x",
    ]
    file = tmp_path / "events.csv"
    file.write_text("\n".join(lines))

    call_command("import_events", file, verbosity=0)
    call_command("import_events", file, verbosity=0)

    first, again = capsys.readouterr().out.strip().splitlines()
    assert first.startswith("2 events are new, 0 were stored before, 1 are of products")
    assert first.endswith("1 are too old, 2 were refused.")
    assert again.startswith("0 events are new, 2 were stored before")
    assert {(e.type, e.user, e.session) for e in Event.objects.filter(product_id=product.pk)} == {
        ("purchase", "u-7", ""),
        ("view", "", "s-8"),
    }


def test_a_parquet_file_gives_the_same_events(tmp_path: Path, product: Product) -> None:
    at = timezone.now().replace(microsecond=5) - timedelta(days=1)
    table = pa.table(
        {"type": ["cart"], "product": [product.pk], "session": ["s-9"], "at": pa.array([at])}
    )
    parquet.write_table(table, tmp_path / "events.parquet")

    call_command("import_events", tmp_path / "events.parquet", verbosity=0)

    stored = Event.objects.get(product_id=product.pk)
    assert (stored.type, stored.session, stored.at) == ("cart", "s-9", at)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_a_file_that_holds_no_events_gets_a_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "events.bin"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"events\.bin"):
        call_command("import_events", file, verbosity=0)


def test_a_session_with_an_unguessable_name_deletes_its_own_history(
    client: Client, product: Product
) -> None:
    send(client, event(product, session=LONG_SESSION), event(product))

    answer = client.delete(f"/api/v1/events/?session={LONG_SESSION}")

    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})
    assert [e.session for e in Event.objects.filter(product_id=product.pk)] == [SESSION]


def test_a_short_session_and_a_user_are_deleted_with_a_secret_key_alone(
    client: Client, product: Product, check_problem: Any
) -> None:
    send(client, event(product), event(product, session="", user="anna"))
    _, public = create_key("shop", ["events"], "test", origins=["https://shop.example"])
    _, secret = create_key("server", ["events"], "test")
    from_page = {"Authorization": f"Bearer {public}", "Origin": "https://shop.example"}

    for asked in (f"session={SESSION}", "user=anna"):
        address = f"/api/v1/events/?{asked}"
        check_problem(client.delete(address), 403, "permission_denied")
        check_problem(client.delete(address, headers=from_page), 403, "permission_denied")
        answer = client.delete(address, headers={"Authorization": f"Bearer {secret}"})
        assert answer.json() == {"deleted": 1}
    assert not Event.objects.filter(product_id=product.pk).exists()


@pytest.mark.parametrize("asked", ["", "?user=a&session=b", "?session=", "?other=1"])
def test_a_deletion_that_names_nobody_is_refused(
    asked: str, client: Client, check_problem: Any
) -> None:
    check_problem(client.delete(f"/api/v1/events/{asked}"), 400, "parameter_invalid")
