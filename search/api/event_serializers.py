"""The JSON of events that clients send, and of the answer. The public contract fixes the names of
the fields."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from catalog.models import Event

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
    repeated = serializers.IntegerField(help_text="Accepted events that were stored before.")
    declined = serializers.IntegerField(
        help_text="Events of a browser that sends Sec-GPC or DNT. They are not stored."
    )


class SenderParameters(serializers.Serializer):
    """A user or a session."""

    user = serializers.CharField(max_length=100, required=False)
    session = serializers.CharField(max_length=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("user" in attrs) == ("session" in attrs):
            raise serializers.ValidationError("Give either user or session.")
        return attrs


class DeletedEventsSerializer(serializers.Serializer):
    deleted = serializers.IntegerField(help_text="The number of deleted events.")
