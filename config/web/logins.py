"""The page for clients that have given too many wrong passwords. django-axes counts them."""

import math
from typing import Any

from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone


def render_lockout_page(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Returns a page that says when to try again, with a Retry-After header."""
    attempts = AccessAttempt.objects.filter(
        username=get_client_username(request, credentials),
        ip_address=request.META["REMOTE_ADDR"],
    )
    last_attempt = attempts.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    remaining_s = max(
        1.0, (last_attempt + settings.AXES_COOLOFF_TIME - timezone.now()).total_seconds()
    )
    page = render(request, "429.html", {"minutes": math.ceil(remaining_s / 60)}, status=429)
    page["Retry-After"] = str(math.ceil(remaining_s))
    return page
