"""Limits how many events a client may send."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from catalog.api.call_figures import THROTTLED
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
        if self.wait_s:
            THROTTLED.labels("events").inc()
        return not self.wait_s

    def wait(self) -> float:
        return self.wait_s


def _unchecked_events(data: Any) -> list[Any]:
    """Returns the events of a body before its validation."""
    given = data.get("events") if isinstance(data, dict) else data
    return given if isinstance(given, list) else []


def _sender(event: Any) -> str:
    """Returns the user or session of an event before its validation, or "" if it names neither."""
    named = event if isinstance(event, dict) else {}
    return next((str(named[key]) for key in ("user", "session") if named.get(key)), "")
