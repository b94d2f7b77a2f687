"""Webhooks are added, tested, disabled and enabled."""

import secrets
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.importing.fetching.network_guard import AddressRefused, NetworkGuard
from catalog.importing.fetching.web_address import AddressError, parse_address
from catalog.models import Webhook, WebhookDelivery

SECRET_BYTES = 32


class WebhookRefused(ValueError):
    """The address cannot be told anything. The message is a sentence."""


def add_webhook(url: str, events: Sequence[str], by: str) -> Webhook:
    """Adds a webhook, with a new secret. Raises WebhookRefused."""
    check_url(url)
    return Webhook.objects.create(
        url=url,
        events=[event for event in Webhook.Event.values if event in events],
        secret=secrets.token_urlsafe(SECRET_BYTES),
        created_by=by,
    )


def check_url(url: str) -> None:
    """Raises WebhookRefused if nothing can be sent to a URL. That its host has only public
    addresses is checked whenever something is sent."""
    try:
        address = parse_address(url)
        NetworkGuard(settings.IMPORT_ALLOWED_HOSTS).check_address(address)
    except AddressError as error:
        sentence = _("This address cannot be told anything: %(reason)s.") % {"reason": error}
        raise WebhookRefused(sentence) from error
    except AddressRefused as error:
        raise WebhookRefused(str(error)) from error


def set_enabled(webhook: Webhook, enabled: bool) -> bool:
    """Enables or disables a webhook. What happens while it is disabled, and what was not delivered
    before, is not sent later. Returns whether this changes anything."""
    now = timezone.now()
    with transaction.atomic():
        changed = Webhook.objects.filter(pk=webhook.pk, enabled=not enabled).update(
            enabled=enabled, enabled_at=now, was_fresh=True
        )
        if changed and not enabled:
            webhook.deliveries.filter(next_at__isnull=False).update(
                next_at=None, error="The webhook was disabled."
            )
    return bool(changed)


def note_test(webhook: Webhook) -> bool:
    """Notes a test to be sent. Returns False if the webhook is disabled."""
    if not Webhook.objects.filter(pk=webhook.pk, enabled=True).exists():
        return False
    about = f"test {secrets.token_hex(8)}"
    WebhookDelivery.objects.create(webhook=webhook, event=Webhook.TEST, about=about, body={})
    return True
