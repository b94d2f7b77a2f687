"""Who may read and delete the history of a user or a session, and who wants none to be kept."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from catalog.models import Event, Scope

MIN_SESSION_LENGTH, MAX_SESSION_LENGTH = 20, 100  # 20 random hexadecimal digits are 80 bits
SIGNALS = ("HTTP_SEC_GPC", "HTTP_DNT")


def declines_history(request: Any) -> bool:
    """Returns whether the browser asks not to be followed: Global Privacy Control, Do Not Track."""
    return any(request.META.get(signal) == "1" for signal in SIGNALS)


def has_secret_key(request: Request, scope: Scope) -> bool:
    """Returns whether a server of the shop asks, with a key for calls of this scope."""
    key: Any = request.auth
    return key is not None and not key.is_publishable and scope in key.scopes


def channel_of(request: Request) -> str:
    """Returns how the events of a call came, as far as its key and its headers tell."""
    if has_secret_key(request, Scope.EVENTS):
        return Event.Channel.SERVER
    key: Any = request.auth
    if key is not None and key.is_publishable:
        return Event.Channel.COMPONENT
    page = urlsplit(request.headers.get("Origin", "")).netloc
    return Event.Channel.PAGE if page and page == request.get_host() else Event.Channel.OPEN


def shopper_address(request: Request) -> str:
    """Returns the address of the shopper, or "" if a server with a secret key asks for its
    shoppers."""
    is_server = has_secret_key(request, Scope.SEARCH)
    return "" if is_server else str(request.META["REMOTE_ADDR"])


def is_unguessable(session: str) -> bool:
    """Returns whether a session has a name that nobody else can guess, if it is random."""
    return session.isprintable() and MIN_SESSION_LENGTH <= len(session) <= MAX_SESSION_LENGTH


def check_sender(request: Request, scope: Scope, user: str = "", session: str = "") -> None:
    """Raises PermissionDenied unless the caller may see the history of this user or session. That
    needs a secret key for this scope, or a session that nobody can guess."""
    if has_secret_key(request, scope):
        return
    if user:
        raise PermissionDenied("The history of a user needs a secret key.")
    if not is_unguessable(session):
        raise PermissionDenied(
            f"Without a secret key, a session needs a random name of at least {MIN_SESSION_LENGTH}"
            " characters."
        )
