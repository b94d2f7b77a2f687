"""Keys of the REST API: made, found, used and revoked."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import ApiKey, Scope

PREFIXES = {ApiKey.Kind.SECRET: "vs_", ApiKey.Kind.PUBLISHABLE: "vp_"}
RANDOM_BYTES = 32
SHOWN = 9  # characters of a key that stay visible, so that people recognise it
LAST_USED_STEP = timedelta(minutes=1)  # so that a busy key is not written at each call
PUBLISHABLE_SCOPES = {Scope.SEARCH, Scope.EVENTS}
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


class KeyRefused(ValueError):
    """A key cannot be made as asked for. The message is a sentence for people."""


def create_key(
    name: str,
    scopes: Iterable[str],
    by: str,
    origins: Iterable[str] = (),
    expires_at: datetime | None = None,
    calls_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """Makes a key, publishable if it has origins. Returns its row, and the key itself, which cannot
    be read again. `by`: who makes it. Raises KeyRefused."""
    own_scopes, own_origins = check_key(scopes, origins, expires_at)
    kind = ApiKey.Kind.PUBLISHABLE if own_origins else ApiKey.Kind.SECRET
    key = PREFIXES[kind] + secrets.token_urlsafe(RANDOM_BYTES)
    row = ApiKey.objects.create(
        name=name,
        kind=kind,
        scopes=own_scopes,
        origins=own_origins,
        beginning=key[:SHOWN],
        digest=digest_of(key),
        calls_per_minute=calls_per_minute,
        created_by=by,
        expires_at=expires_at,
    )
    return row, key


def check_key(
    scopes: Iterable[str], origins: Iterable[str], expires_at: datetime | None = None
) -> tuple[list[str], list[str]]:
    """Returns the scopes, each once, and the origins as browsers send them. Raises KeyRefused."""
    if expires_at is not None and expires_at <= timezone.now():
        raise KeyRefused(_("The key would have expired already."))
    own_scopes = [scope for scope in Scope.values if scope in set(scopes)]
    own_origins = sorted({read_origin(origin) for origin in origins})
    if not own_scopes:
        raise KeyRefused(_("Choose what the key is for."))
    if own_origins and not PUBLISHABLE_SCOPES.issuperset(own_scopes):
        raise KeyRefused(
            _("A publishable key is visible to everybody. It can only search and report events.")
        )
    return own_scopes, own_origins


def read_origin(text: str) -> str:
    """Returns an origin as browsers send it, such as `https://shop.example`. Raises KeyRefused."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError as error:
        raise KeyRefused(_bad_origin(text)) from error
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(host) or extra:
        raise KeyRefused(_bad_origin(text))
    shown = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


def _bad_origin(text: str) -> str:
    return _("%(origin)s is not an origin. Write one such as https://shop.example.") % {
        "origin": text[:100] or "''"
    }


def digest_of(key: str) -> str:
    """Returns the digest of a key, as it is stored. A key is random, so it needs no slow hash."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def find_key(key: str) -> ApiKey | None:
    """Returns the row of a key, or None. The key may be revoked or expired."""
    return ApiKey.objects.filter(digest=digest_of(key)).first()


def note_use(key: ApiKey) -> None:
    """Notes that the key was used now, to the minute."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_STEP:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def revoke_key(key: ApiKey) -> bool:
    """Revokes a key from the next call on. Returns whether it was not revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))
