"""Calls for webhooks."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView, find_row, name_caller
from catalog.api.problems import problem_responses
from catalog.console.audit_log import record
from catalog.models import Scope, Webhook
from indexing.api.serializers import (
    NewWebhookSerializer,
    WebhookListSerializer,
    WebhookSecretSerializer,
)
from indexing.monitoring.webhooks.subscriptions import WebhookRefused, add_webhook

LISTED = 20  # deliveries of each webhook


class WebhooksView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="webhooks_list",
        responses={200: WebhookListSerializer, **problem_responses()},
    )
    def get(self, request: Request) -> Response:
        """The webhooks, each with its latest deliveries."""
        shape = {"results": [webhook_json(webhook) for webhook in Webhook.objects.all()]}
        return Response(WebhookListSerializer(shape).data)

    @extend_schema(
        operation_id="webhooks_create",
        request=NewWebhookSerializer,
        responses={201: WebhookSecretSerializer, **problem_responses(body=True)},
    )
    def post(self, request: Request) -> Response:
        """Adds a webhook. The answer has the secret that signs what is sent. It is not shown
        again. Private addresses are refused."""
        serializer = NewWebhookSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        try:
            webhook = add_webhook(data["url"], data["events"], name_caller(request))
        except WebhookRefused as error:
            raise ValidationError({"url": str(error)}) from error
        record(name_caller(request), "add", f"webhook {webhook.pk}", webhook.url)
        shape = {**webhook_json(webhook), "secret": webhook.secret}
        return Response(WebhookSecretSerializer(shape).data, status=201)


class WebhookView(ApiView):
    scopes = (Scope.INDEX,)

    @extend_schema(
        operation_id="webhooks_delete", responses={204: None, **problem_responses("not_found")}
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a webhook. What is not delivered yet is not sent."""
        webhook = find_row(Webhook, pk, "webhook")
        webhook.delete()
        record(name_caller(request), "delete", f"webhook {pk}", webhook.url)
        return Response(status=204)


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    """Returns the fields of WebhookSerializer."""
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "events": webhook.events,
        "enabled": webhook.enabled,
        "created_at": webhook.created_at,
        "deliveries": webhook.deliveries.order_by("-pk")[:LISTED],
    }
