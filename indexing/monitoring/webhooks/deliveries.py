"""Sends what webhooks are to be told: signed, to public hosts alone, and again if it fails."""

import hmac
import json
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.network_guard import NetworkGuard
from catalog.importing.fetching.web_address import AddressError, parse_address
from catalog.models import WebhookDelivery

TIME_LIMIT_S = 10.0
CLAIM = timedelta(minutes=2)  # in which a worker that has taken a delivery sends it, or has died
MAX_ATTEMPTS = 12
MAX_PAUSE = timedelta(hours=4)
AT_ONCE = 10  # with the time limit, less than a claim
MAX_SENDING_S = 45.0  # of a call, which comes every minute


def send_due() -> int:
    """Sends the deliveries that are due. Returns how many arrived. Several workers may call it:
    each delivery is taken by one of them. One that dies while it sends lets it be sent again, so
    receivers may see the same delivery twice."""
    client = GuardedClient(NetworkGuard(settings.IMPORT_ALLOWED_HOSTS), TIME_LIMIT_S)
    arrived, until = 0, time.monotonic() + MAX_SENDING_S
    try:
        while time.monotonic() < until and (claimed := _claim()):
            arrived += sum(_send(delivery, client) for delivery in claimed)
        return arrived
    finally:
        client.close()


def sign(secret: str, moment: int, body: bytes) -> str:
    """Returns the header `X-Vitrina-Signature`: the time in Unix seconds, and the HMAC-SHA-256 of
    the time, a dot and the body, in hex."""
    message = f"{moment}.".encode() + body
    return f"t={moment},v1={hmac.digest(secret.encode(), message, 'sha256').hex()}"


def _claim() -> list[WebhookDelivery]:
    now = timezone.now()
    with transaction.atomic():
        due = WebhookDelivery.objects.filter(next_at__lte=now, webhook__enabled=True)
        locked = due.order_by("next_at").select_for_update(skip_locked=True, of=("self",))
        claimed = list(locked[:AT_ONCE])
        pks = [delivery.pk for delivery in claimed]
        WebhookDelivery.objects.filter(pk__in=pks).update(next_at=now + CLAIM)
    return list(WebhookDelivery.objects.filter(pk__in=pks).select_related("webhook"))


def _send(delivery: WebhookDelivery, client: GuardedClient) -> bool:
    """Sends a delivery and notes what came of it. Returns whether it arrived."""
    body = json.dumps(
        {
            "id": delivery.pk,
            "event": delivery.event,
            "at": delivery.created_at.isoformat(),
            **delivery.body,
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Vitrina-Event": delivery.event,
        "X-Vitrina-Delivery": str(delivery.pk),
        "X-Vitrina-Signature": sign(delivery.webhook.secret, int(time.time()), body),
    }
    error = ""
    try:
        status = client.post(parse_address(delivery.webhook.url), body, headers)
        if not 200 <= status < 300:
            error = f"The server answered with the status {status}."
    except FetchFailed as failure:
        error = str(failure)
    except AddressError as failure:
        error = f"The address is not valid: {failure}."
    _note(delivery, error)
    return not error


def _note(delivery: WebhookDelivery, error: str) -> None:
    now, attempts = timezone.now(), delivery.attempts + 1
    pause = min(MAX_PAUSE, timedelta(minutes=2**delivery.attempts))
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        attempts=attempts,
        error=error[:500],
        delivered_at=None if error else now,
        next_at=now + pause if error and attempts < MAX_ATTEMPTS else None,
    )
