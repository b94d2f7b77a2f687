"""Webhooks are added and removed."""

import secrets
from collections.abc import Sequence

from django.conf import settings

from catalog.importing.fetching.network_guard import AddressRefused, NetworkGuard
from catalog.importing.fetching.web_address import AddressError, parse_address
from catalog.models import Webhook

SECRET_BYTES = 32


class WebhookRefused(ValueError):
    """The address cannot be told anything. The message is a sentence."""


def add_webhook(url: str, events: Sequence[str], by: str) -> Webhook:
    """Adds a webhook, with a new secret. Raises WebhookRefused. That the host has only public
    addresses is checked whenever something is sent."""
    try:
        address = parse_address(url)
        NetworkGuard(settings.IMPORT_ALLOWED_HOSTS).check_address(address)
    except (AddressError, AddressRefused) as error:
        raise WebhookRefused(str(error)) from error
    return Webhook.objects.create(
        url=url,
        events=[event for event in Webhook.Event.values if event in events],
        secret=secrets.token_urlsafe(SECRET_BYTES),
        created_by=by,
    )
