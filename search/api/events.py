"""The API call that records what shoppers do with products."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from catalog.models import Event
from catalog.problems import PROBLEMS
from search.api.parsers import StrictJSONParser
from search.errors import RequestError
from search.events.limits import charge_events
from search.events.recording import record_events

MAX_EVENTS = 500


class EventSerializer(serializers.Serializer):
    """An event, with `product` or `sku`, and `user` or `session`. `query` is the id of the search
    that found the product."""

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
    events = serializers.ListField(child=EventSerializer(), min_length=1, max_length=MAX_EVENTS)

    def to_internal_value(self, data: Any) -> Any:
        """Also accepts the list of events alone."""
        return super().to_internal_value({"events": data} if isinstance(data, list) else data)


class EventCountsSerializer(serializers.Serializer):
    accepted = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Events whose product is not in the catalogue.")


class EventsThrottle(BaseThrottle):
    """Limits the events of an address and of a session. It counts events, not calls."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        events = _unchecked_events(request.data)
        if len(events) > MAX_EVENTS:
            raise RequestError("parameter_invalid", f"Send at most {MAX_EVENTS} events at once.")
        senders = [_sender(event) for event in events]
        self.wait_s = charge_events(request.META["REMOTE_ADDR"], senders)
        return not self.wait_s

    def wait(self) -> float:
        return self.wait_s


class EventsView(APIView):
    authentication_classes: list = []
    parser_classes = [StrictJSONParser]
    throttle_classes = [EventsThrottle]

    @extend_schema(
        operation_id="events_create",
        request=EventsSerializer,
        responses={202: EventCountsSerializer, **PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Records up to 500 events, or none if one of them is invalid. The body may also be only
        the list of events. Events whose product is not in the catalogue are counted as `unknown`.
        An address and a session may send a limited number of events a minute. A call above the
        limit is answered 429 `throttled`, and none of its events is recorded."""
        serializer = EventsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        counts = record_events(serializer.validated_data["events"], request.META["REMOTE_ADDR"])
        return Response(EventCountsSerializer(counts).data, status=202)


def _unchecked_events(data: Any) -> list[Any]:
    """Returns the events of a body before its validation."""
    given = data.get("events") if isinstance(data, dict) else data
    return given if isinstance(given, list) else []


def _sender(event: Any) -> str:
    """Returns the user or session of an event before its validation, or "" if it names neither."""
    named = event if isinstance(event, dict) else {}
    return next((str(named[key]) for key in ("user", "session") if named.get(key)), "")
