"""Webhooks in the console: made, tested, disabled, and what was sent."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from catalog.models import AuditEntry, Webhook, WebhookDelivery
from indexing.monitoring.webhooks.deliveries import send_due
from indexing.monitoring.webhooks.notices import note_events
from indexing.monitoring.webhooks.subscriptions import note_test, set_enabled
from tests.console.pages.people import member, said, text_of
from tests.indexing.monitoring.receiver import Receiver
from tests.indexing.shop import refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

LIST, ADD = "admin:catalog_webhook_changelist", "admin:catalog_webhook_add"
URL = "https://hooks.shop.example/vitrina"


@pytest.fixture
def anna() -> Client:
    return member("publisher")


def add(client: Client, **fields: Any) -> Any:
    return client.post(reverse(ADD), {"url": URL, "events": ["run_done"], **fields})


def act(client: Client, action: str, webhook: Webhook) -> list[str]:
    chosen = {"action": action, "_selected_action": [str(webhook.pk)]}
    client.cookies.pop("messages", None)
    return said(client.post(reverse(LIST), chosen))


def page_of(client: Client, webhook: Webhook) -> str:
    return text_of(client.get(reverse("admin:catalog_webhook_change", args=[webhook.pk])))


def test_a_publisher_makes_a_webhook_whose_secret_is_shown_once(anna: Client) -> None:
    made = add(anna)

    webhook = Webhook.objects.get()
    assert (webhook.url, webhook.events, webhook.enabled) == (URL, ["run_done"], True)
    assert webhook.created_by == "publisher-anna"
    assert webhook.secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    listed = anna.get(reverse(LIST)).content.decode()
    assert URL in listed
    assert webhook.secret not in listed + page_of(anna, webhook)
    entry = AuditEntry.objects.get(action="add")
    assert (entry.detail, webhook.secret in repr(entry.__dict__)) == (URL, False)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "http://127.0.0.1/"}, "is not a public host"),
        ({"url": "nonsense"}, "it must start with http:// or https://."),
        ({"events": []}, "This field is required"),
        ({"events": ["everything"]}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_told_is_explained(
    anna: Client, fields: dict[str, Any], sentence: str
) -> None:
    assert sentence in text_of(add(anna, **fields))
    assert not Webhook.objects.exists()


def test_a_test_is_sent_and_shown(anna: Client, settings: Any, receiver: Receiver) -> None:
    add(anna, url=receiver.url)
    webhook = Webhook.objects.get()
    assert "Nothing was sent yet." in page_of(anna, webhook)

    assert act(anna, "send_test", webhook) == ["Tests that are sent within a minute: 1."]

    assert OrmQ.objects.exists()
    assert "It is sent within a minute." in page_of(anna, webhook)
    receiver.answers = [500]
    assert send_due() == 0
    assert "The server answered with the status 500." in page_of(anna, webhook)
    act(anna, "send_test", webhook)
    assert send_due() == 1
    assert receiver.events() == ["test", "test"]
    assert re.search("a test Delivered at ", page_of(anna, webhook))
    assert "delivered" in text_of(anna.get(reverse(LIST)))
    assert AuditEntry.objects.filter(action="send_test").count() == 2


def test_why_a_delivery_failed_is_told_in_russian(
    anna: Client, settings: Any, receiver: Receiver
) -> None:
    add(anna, url=receiver.url)
    webhook = Webhook.objects.get()
    anna.cookies["django_language"] = "ru"

    def fail() -> str:
        WebhookDelivery.objects.all().delete()
        note_test(webhook)
        assert send_due() == 0
        return page_of(anna, webhook)

    receiver.answers = [500]
    assert "Не доставлено: Сервер ответил кодом 500." in fail()
    receiver.server.shutdown()
    receiver.server.server_close()
    assert "Сервер недоступен: он отклоняет соединения." in fail()
    settings.IMPORT_ALLOWED_HOSTS = []
    assert "узла 127.0.0.1 не разрешён." in fail()
    set_enabled(webhook, False)
    assert "Вебхук отключён." in page_of(anna, webhook)
    assert WebhookDelivery.objects.get().error == "The webhook was disabled."


def test_a_disabled_webhook_is_told_nothing_even_later(
    anna: Client, settings: Any, receiver: Receiver
) -> None:
    add(anna, url=receiver.url)
    webhook = Webhook.objects.get()
    refresh()
    note_events()
    assert act(anna, "disable", webhook) == ["Webhooks disabled: 1."]
    refresh()
    note_events()

    assert "Enable them first." in act(anna, "send_test", webhook)[0]
    assert send_due() == 0
    assert "The webhook was disabled." in page_of(anna, webhook)
    assert act(anna, "enable", webhook) == ["Webhooks enabled: 1."]
    note_events()
    assert (send_due(), receiver.got) == (0, [])
    refresh()
    note_events()
    assert send_due() == 1
    assert AuditEntry.objects.filter(action="disable").count() == 1


def test_a_webhook_is_changed_and_removed(anna: Client) -> None:
    add(anna)
    webhook = Webhook.objects.get()
    change = reverse("admin:catalog_webhook_change", args=[webhook.pk])

    refused = anna.post(change, {"url": "http://10.0.0.1/", "events": ["run_done"]})
    anna.post(change, {"url": f"{URL}2", "events": ["freshness_lost", "generation_rejected"]})

    assert "is not a public host" in text_of(refused)
    changed = Webhook.objects.get()
    assert (changed.url, changed.secret) == (f"{URL}2", webhook.secret)
    assert changed.events == ["freshness_lost", "generation_rejected"]
    anna.post(reverse("admin:catalog_webhook_delete", args=[webhook.pk]), {"post": "yes"})
    assert not Webhook.objects.exists()
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == [
        "add",
        "change",
        "delete",
    ]


def test_operators_look_at_webhooks_and_change_none() -> None:
    webhook = Webhook.objects.create(url=URL, events=["run_done"], secret="s", created_by="test")
    operator = member("operator")

    assert URL in text_of(operator.get(reverse(LIST)))
    assert add(operator).status_code == 403
    act(operator, "send_test", webhook)
    act(operator, "disable", webhook)
    assert Webhook.objects.get().enabled
    assert not WebhookDelivery.objects.exists()
