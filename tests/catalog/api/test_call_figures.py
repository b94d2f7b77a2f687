"""Prometheus gets figures of keys, throttled calls and imports, under labels with few values."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key, revoke_key
from catalog.models import ApiKey

pytestmark = pytest.mark.usefixtures("empty_catalogue")

LIST, IMPORT = "/api/v1/products/", "/api/v1/products/import/"


def scrape(client: Client) -> dict[str, float]:
    """Returns the value of each series of the API."""
    text = client.get("/metrics").content.decode()
    lines = re.findall(r"^(vitrina_(?:api|import|webhook)\S*) (\S+)$", text, re.MULTILINE)
    return {series: float(value) for series, value in lines if "_created" not in series}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Returns the counters that have grown, and by how much."""
    return {
        series: value - before.get(series, 0)
        for series, value in after.items()
        if "_total" in series and value != before.get(series, 0)
    }


def test_calls_are_counted_by_route_and_kind_of_caller(client: Client, settings: Any) -> None:
    settings.CALLS_PER_ADDRESS = 3
    _, key = create_key("app", ["search"], "test")
    before = scrape(client)

    for number in range(4):
        client.get(f"{LIST}{number + 1}/?{number}", REMOTE_ADDR="192.0.2.77")
    client.get(LIST, headers={"Authorization": f"Bearer {key}"}, REMOTE_ADDR="192.0.2.78")
    client.get(LIST, headers={"Authorization": "Bearer wrong"}, REMOTE_ADDR="192.0.2.78")
    client.generic("BREW", LIST, REMOTE_ADDR="192.0.2.78")

    def calls(route: str, method: str, status: int, caller: str) -> str:
        labels = f'caller="{caller}",method="{method}",route="api/v1/{route}",status="{status}"'
        return f"vitrina_api_calls_total{{{labels}}}"

    assert grown(before, scrape(client)) == {
        calls("products/<rowid:pk>/", "GET", 400, "anonymous"): 3,
        calls("products/<rowid:pk>/", "GET", 429, "anonymous"): 1,
        calls("products/", "GET", 200, "secret"): 1,
        calls("products/", "GET", 401, "refused"): 1,
        calls("products/", "OTHER", 405, "anonymous"): 1,
        'vitrina_api_throttled_total{limit="address"}': 1,
    }
    assert "192.0.2" not in client.get("/metrics").content.decode()


def test_items_of_imports_and_repetitions_are_counted(client: Client) -> None:
    _, key = create_key("orders", ["catalog"], "test", calls_per_minute=3)
    sent = {"Authorization": f"Bearer {key}", "Idempotency-Key": "n-1"}
    before = scrape(client)

    for _ in range(4):
        client.post(IMPORT, [{"sku": "A", "title": "Lamp"}, {}], "application/json", headers=sent)

    after = scrape(client)
    counted = grown(before, after)
    assert counted['vitrina_api_items_total{action="import",result="created"}'] == 1
    assert counted['vitrina_api_items_total{action="import",result="refused"}'] == 1
    assert counted["vitrina_api_replays_total"] == 2
    assert counted['vitrina_api_throttled_total{limit="key"}'] == 1
    assert after['vitrina_imports{place="api",state="succeeded"}'] == 1
    assert after['vitrina_imports{place="file",state="failed"}'] == 0
    assert after['vitrina_import_last_success_timestamp_seconds{place="api"}'] > 1e9


def test_keys_are_counted_by_state(client: Client) -> None:
    before = scrape(client)
    create_key("pages", ["search"], "test", origins=["https://shop.example"])
    _, key = create_key("app", ["search"], "test")
    revoked, _ = create_key("lost", ["search"], "test")
    revoke_key(revoked)
    expired, _ = create_key("old", ["search"], "test")
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    client.get(LIST, headers={"Authorization": f"Bearer {key}"})

    after = scrape(client)

    new = {name: after[name] - before[name] for name in after if name.startswith("vitrina_api_key")}
    assert {name: number for name, number in new.items() if number} == {
        'vitrina_api_keys{kind="publishable",state="usable"}': 1,
        'vitrina_api_keys{kind="secret",state="usable"}': 1,
        'vitrina_api_keys{kind="secret",state="revoked"}': 1,
        'vitrina_api_keys{kind="secret",state="expired"}': 1,
        'vitrina_api_keys_active{kind="secret"}': 1,
    }
