"""Closes the pages to strangers while SEARCH_OPEN is off, as it closes the API."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http.response import HttpResponseBase
from django.urls import reverse

from catalog.console.rights import Right, may
from catalog.models import Scope


def open_while_search_is(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Wraps a view. While search is closed, only those who may look at the console see it; others
    are sent to the login."""

    @wraps(view)
    def checked(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if may(None, Scope.SEARCH) or may(request.user, Right.VIEW):
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))

    return checked
