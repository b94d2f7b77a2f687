"""Keys of the API in the console."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import ApiKey, AuditEntry
from tests.console.pages.people import member, said, text_of

pytestmark = pytest.mark.django_db

LIST, ADD = "admin:catalog_apikey_changelist", "admin:catalog_apikey_add"


def form(**fields: Any) -> dict[str, Any]:
    return {"name": "Storefront", "scopes": ["search", "events"], "origins": "", **fields}


def test_a_publisher_makes_a_key_that_is_shown_once(client: Client) -> None:
    publisher = member("publisher")

    made = publisher.post(reverse(ADD), form(origins="https://shop.example\r\n"))

    key = re.search(r"vp_[\w-]{43}", made.content.decode())
    assert key is not None
    assert "no-store" in made["Cache-Control"]
    row = ApiKey.objects.get()
    assert (row.kind, row.origins, row.created_by) == (
        "publishable",
        ["https://shop.example"],
        "publisher-anna",
    )
    headers = {"Authorization": f"Bearer {key[0]}", "Origin": "https://shop.example"}
    assert client.get("/api/v1/products/", headers=headers).status_code == 200
    listed = publisher.get(reverse(LIST)).content.decode()
    changed = publisher.get(reverse("admin:catalog_apikey_change", args=[row.pk]))
    assert key[0] not in listed + changed.content.decode()
    assert AuditEntry.objects.filter(action="add", detail="Storefront").count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scopes": ["index"], "origins": "https://shop.example"}, "visible to everybody"),
        ({"origins": "shop"}, "is not an origin"),
        ({"scopes": []}, "This field is required"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "10:00"}, "expired already"),
    ],
)
def test_a_key_that_cannot_be_made_is_explained(fields: dict[str, Any], sentence: str) -> None:
    answer = member("publisher").post(reverse(ADD), form(**fields))

    assert sentence in text_of(answer)
    assert not ApiKey.objects.exists()


def test_a_key_is_changed_and_revoked(client: Client) -> None:
    publisher = member("publisher")
    made = publisher.post(reverse(ADD), form(scopes=["search"]))
    key = re.search(r"vs_[\w-]{43}", made.content.decode())[0]  # type: ignore[index]
    row = ApiKey.objects.get()
    change = reverse("admin:catalog_apikey_change", args=[row.pk])

    publisher.post(change, form(scopes=["search", "index"], calls_per_minute="7"))
    refused = publisher.post(change, form(origins="https://shop.example"))

    row.refresh_from_db()
    assert (row.scopes, row.calls_per_minute, row.origins) == (["search", "index"], 7, [])
    assert "Make another key" in text_of(refused)
    answer = publisher.post(reverse(LIST), {"action": "revoke", "_selected_action": [str(row.pk)]})
    assert said(answer) == ["Keys revoked: 1."]
    used = client.get("/api/v1/products/", headers={"Authorization": f"Bearer {key}"})
    assert used.status_code == 401


def test_operators_look_at_keys_and_make_none() -> None:
    operator = member("operator")

    assert operator.get(reverse(LIST)).status_code == 200
    assert operator.post(reverse(ADD), form()).status_code == 403
    assert not ApiKey.objects.exists()
