"""Webhooks in the console: who is told what, tests, and the last deliveries. The secret is shown
once, on the page that follows the form."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import ShownOnceAdmin
from catalog.console.stored_sentences import translate_sentence
from catalog.models import Webhook, WebhookDelivery
from indexing.monitoring.webhooks.subscriptions import (
    WebhookRefused,
    add_webhook,
    check_url,
    set_enabled,
)
from indexing.tasks import send_test

SHOWN_DELIVERIES = 20
MAX_SHOWN_URL = 60  # characters in the list, two lines of a phone


class WebhookForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        label=_lazy("Told of"), choices=Webhook.Event.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Webhook
        fields = ("url", "events")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except WebhookRefused as error:
            raise forms.ValidationError(str(error)) from error
        return url


@admin.register(Webhook)
class WebhookAdmin(ShownOnceAdmin):
    form = WebhookForm
    list_display = ("short_url", "told_of", "enabled", "last_delivery", "created_by")
    search_fields = ("url",)
    readonly_fields = ("enabled", "created_by", "created_at")
    actions = ("send_test", "enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        last = WebhookDelivery.objects.order_by("webhook_id", "-pk").distinct("webhook_id")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("deliveries", last, to_attr="last"))
        )

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> Any:
        return ("url", "events", *(self.readonly_fields if obj else ()))

    @admin.display(description=_lazy("address"), ordering="url")
    def short_url(self, webhook: Webhook) -> str:
        return Truncator(webhook.url).chars(MAX_SHOWN_URL)

    @admin.display(description=_lazy("told of"))
    def told_of(self, webhook: Webhook) -> str:
        return ", ".join(name_event(event) for event in webhook.events)

    @admin.display(description=_lazy("last delivery"))
    def last_delivery(self, webhook: Webhook) -> str:
        last = webhook.last  # type: ignore[attr-defined]
        return name_state(last[0]) if last else "–"

    @admin.action(description=_lazy("Send a test"), permissions=["publish"])
    def send_test(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        number = sum(send_test(webhook) for webhook in chosen)
        if number:
            self.tell_done(request, f"Tests that are sent within a minute: {number}.")
        if len(chosen) > number:
            sentence = _("Nothing is sent to disabled webhooks. Enable them first.")
            self.message_user(request, sentence, messages.WARNING)

    @admin.action(description=_lazy("Enable"), permissions=["publish"])
    def enable(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        number = sum(set_enabled(webhook, True) for webhook in chosen)
        self.tell_done(request, f"Webhooks enabled: {number}.")

    @admin.action(description=_lazy("Disable"), permissions=["publish"])
    def disable(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        number = sum(set_enabled(webhook, False) for webhook in chosen)
        self.tell_done(request, f"Webhooks disabled: {number}.")

    def make(self, data: dict[str, Any], by: str) -> tuple[Webhook, str]:
        webhook = add_webhook(data["url"], data["events"], by)
        return webhook, webhook.secret

    def describe_secret(self, row: Webhook) -> dict[str, str]:
        return {
            "title": _("The webhook is made"),
            "name": row.url,
            "sentence": _("Copy this secret now. It is shown only once."),
            "use": _("It signs what is sent, in the header"),
            "header": "X-Vitrina-Signature: t=…,v1=…",
            "back_label": _("Back to the webhooks"),
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Also shows the last deliveries."""
        sent = WebhookDelivery.objects.filter(webhook__pk=object_id).order_by("-pk")
        rows = [
            (delivery, name_event(delivery.event), describe_delivery(delivery))
            for delivery in sent[:SHOWN_DELIVERIES]
        ]
        context = {"deliveries": rows, **(extra_context or {})}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response


def name_event(event: str) -> str:
    if event == Webhook.TEST:
        return _("a test")
    return str(dict(Webhook.Event.choices).get(event, event))


def name_state(delivery: WebhookDelivery) -> str:
    if delivery.delivered_at:
        return _("delivered")
    if delivery.next_at is None:
        return _("given up")
    return _("fails and is repeated") if delivery.attempts else _("waits")


def describe_delivery(delivery: WebhookDelivery) -> str:
    """Says what came of a delivery."""
    if delivery.delivered_at:
        return _("Delivered at %(at)s UTC.") % {"at": f"{delivery.delivered_at:%Y-%m-%d %H:%M}"}
    if delivery.next_at is None:
        return _("Given up after %(number)s attempts. %(error)s") % {
            "number": delivery.attempts,
            "error": translate_sentence(delivery.error),
        }
    if not delivery.attempts:
        return _("It is sent within a minute.")
    return _("It failed: %(error)s The next attempt is at %(at)s UTC.") % {
        "error": translate_sentence(delivery.error),
        "at": f"{delivery.next_at:%Y-%m-%d %H:%M}",
    }
