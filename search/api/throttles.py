"""Limits how many events and suggestions a client may ask for."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle
from rest_framework.views import APIView

from search.api.event_serializers import MAX_EVENTS
from search.errors import RequestError
from search.events.limits import charge_events


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


class SuggestionsThrottle(SimpleRateThrottle):
    """Limits the suggestions of an address in each web process."""

    scope = "suggestions"

    def get_rate(self) -> str:
        return f"{settings.SUGGESTIONS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        return f"suggestions:{request.META['REMOTE_ADDR']}"


def _unchecked_events(data: Any) -> list[Any]:
    """Returns the events of a body before its validation."""
    given = data.get("events") if isinstance(data, dict) else data
    return given if isinstance(given, list) else []


def _sender(event: Any) -> str:
    """Returns the user or session of an event before its validation, or "" if it names neither."""
    named = event if isinstance(event, dict) else {}
    return next((str(named[key]) for key in ("user", "session") if named.get(key)), "")
