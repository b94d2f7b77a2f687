"""What shoppers do with products, told by the page and by apps."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.models import Event, Product
from catalog.problems import PROBLEMS
from search.api.parsers import StrictJSONParser
from search.request import RequestError

MOST = 500


class EventSerializer(serializers.Serializer):
    """One event: `product` or `sku`, `user` or `session`; `query`: the id of the search in whose
    results it was."""

    type = serializers.ChoiceField(Event.Type.choices)
    product = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    sku = serializers.CharField(max_length=200, required=False)
    user = serializers.CharField(max_length=100, allow_blank=True, default="")
    session = serializers.CharField(max_length=100, allow_blank=True, default="")
    query = serializers.RegexField("^[0-9a-f]{32}$", allow_blank=True, default="")
    at = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("product" in attrs) == ("sku" in attrs):
            raise serializers.ValidationError("Give either product or sku.")
        if not attrs["user"] and not attrs["session"]:
            raise serializers.ValidationError("Give user or session.")
        if "at" in attrs and attrs["at"] > timezone.now() + timedelta(minutes=5):
            raise serializers.ValidationError("at lies in the future.")
        return attrs


class EventsSerializer(serializers.Serializer):
    events = serializers.ListField(child=EventSerializer(), min_length=1, max_length=MOST)


class EventCountsSerializer(serializers.Serializer):
    accepted = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Of products that are not in the catalogue.")


class EventsView(APIView):
    authentication_classes: list = []
    parser_classes = [StrictJSONParser]

    @extend_schema(
        operation_id="events_create",
        request=EventsSerializer,
        responses={202: EventCountsSerializer, **PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """What shoppers did: up to 500 events, of which none is taken where one is wrong. Those of
        products that are not in the catalogue are counted as `unknown`. A list of events alone will
        do as well."""
        data = {"events": request.data} if isinstance(request.data, list) else request.data
        given = data.get("events") if isinstance(data, dict) else None
        if isinstance(given, list) and len(given) > MOST:
            raise RequestError("parameter_invalid", f"Send at most {MOST} events at once.")
        serializer = EventsSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        events = serializer.validated_data["events"]
        known = _known_products(events)
        rows = [
            _row(event, product) for event, product in zip(events, known, strict=True) if product
        ]
        Event.objects.bulk_create(rows)
        counts = {"accepted": len(rows), "unknown": len(events) - len(rows)}
        return Response(counts, status=202)


def _known_products(events: list[dict[str, Any]]) -> list[int | None]:
    """The id of each event's product, None where it is not in the catalogue."""
    products = Product.objects.values_list("pk", flat=True)
    ids = set(products.filter(pk__in=[e["product"] for e in events if "product" in e]))
    skus = {event["sku"] for event in events if "sku" in event}
    by_sku = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk")) if skus else {}
    return [
        by_sku.get(e["sku"]) if "sku" in e else (e["product"] if e["product"] in ids else None)
        for e in events
    ]


def _row(event: dict[str, Any], product_id: int) -> Event:
    return Event(
        type=event["type"],
        product_id=product_id,
        user=event["user"],
        session=event["session"],
        query_id=event["query"],
        at=event.get("at") or timezone.now(),
    )
