"""Webhooks are told once of what happened: signed, again after failures, never at private hosts."""

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from catalog.models import Webhook, WebhookDelivery
from indexing.ledger import runs
from indexing.monitoring.webhooks.deliveries import MAX_ATTEMPTS
from indexing.monitoring.webhooks.subscriptions import WebhookRefused, add_webhook
from indexing.tasks import send_webhooks
from tests.indexing.monitoring.receiver import Receiver
from tests.indexing.shop import add_products, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

EVENTS = ["run_done", "generation_rejected", "freshness_lost"]


def test_a_run_that_is_done_is_told_once_and_signed(receiver: Receiver) -> None:
    webhook = add_webhook(receiver.url, EVENTS, "test")
    add_products(range(2))
    run = rebuild()

    send_webhooks()
    send_webhooks()

    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert (told["event"], told["run"]["id"], told["run"]["state"]) == (
        "run_done",
        run.pk,
        "succeeded",
    )
    moment, signature = headers["X-Vitrina-Signature"].removeprefix("t=").split(",v1=")
    signed = hmac.digest(webhook.secret.encode(), f"{moment}.".encode() + body, "sha256").hex()
    assert signature == signed
    assert WebhookDelivery.objects.get().delivered_at is not None


def test_what_fails_is_sent_again_later_and_then_given_up(receiver: Receiver) -> None:
    add_webhook(receiver.url, ["run_done"], "test")
    refresh()
    receiver.answers = [500, 302, 503]

    send_webhooks()
    send_webhooks()  # too soon
    assert len(receiver.got) == 1
    delivery = WebhookDelivery.objects.get()
    assert delivery.error == "The server answered with the status 500."
    for _ in range(3):
        WebhookDelivery.objects.update(next_at=F("next_at") - timedelta(hours=5))
        send_webhooks()

    delivery.refresh_from_db()
    assert (len(receiver.got), delivery.attempts, delivery.error) == (4, 4, "")
    assert delivery.delivered_at is not None
    WebhookDelivery.objects.update(
        attempts=MAX_ATTEMPTS - 1, delivered_at=None, next_at=timezone.now()
    )
    receiver.answers = [500]
    send_webhooks()
    delivery.refresh_from_db()
    assert delivery.next_at is None


def test_a_rejected_generation_and_lost_freshness_are_told(
    receiver: Receiver, settings: Any
) -> None:
    add_webhook(receiver.url, ["generation_rejected", "freshness_lost"], "test")
    settings.FRESHNESS_TARGET_S = 1
    settings.GATE_RECALL_AT_20 = 1.1  # which no graph has
    add_products(range(2))
    rejected = rebuild().generation
    assert rejected is not None

    send_webhooks()

    told = {json.loads(body)["event"]: json.loads(body) for _, body in receiver.got}
    assert told["generation_rejected"]["generation"]["id"] == rejected.pk


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://10.0.0.7/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "https://shop.example:8443/",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_private_addresses_are_refused(url: str) -> None:
    with pytest.raises(WebhookRefused):
        add_webhook(url, ["run_done"], "test")

    assert not Webhook.objects.exists()


def test_a_host_that_becomes_private_is_told_nothing(receiver: Receiver, settings: Any) -> None:
    add_webhook(receiver.url, ["run_done"], "test")
    settings.IMPORT_ALLOWED_HOSTS = []
    runs.cancel_run(runs.start_run("refresh"))

    send_webhooks()

    assert receiver.got == []
    assert "not allowed" in WebhookDelivery.objects.get().error
