"""Calls that clients may repeat safely: the header `Idempotency-Key`
(draft-ietf-httpapi-idempotency-key-header). The answer is stored in the transaction of the call, so
either both are there or neither. A repetition that arrives meanwhile waits for that transaction.
Errors are not stored: the same call is then tried again."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.call_figures import REPLAYED
from catalog.api.request_origin import network_of
from catalog.models import IdempotentCall
from catalog.models.querysets import delete_older

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
KEY_PATTERN = r"^[!-~]{1,255}$"
KEPT = timedelta(days=1)
GRACE = timedelta(hours=1)  # so that no call that is being answered loses its row
REUSED = (
    "This Idempotency-Key was sent with another body before. Make a new one for each call, and"
    " repeat it only with the same body."
)


class KeyReused(APIException):
    """An Idempotency-Key comes again with another body."""

    status_code = 422
    default_detail = REUSED


def answer_once(request: Request, answer: Callable[[], Response]) -> Response:
    """Returns the answer of a call. If the same caller has sent the same Idempotency-Key and body
    within a day, returns the answer of then, and does nothing. The caller is the secret key of the
    call, else its address. Without the header, only calls `answer`. Raises KeyReused, and
    ValidationError if the header is too long or not of visible ASCII characters."""
    key = request.headers.get(HEADER)
    if key is None:
        return answer()
    if not re.fullmatch(KEY_PATTERN, key):
        raise ValidationError({HEADER: "Send 1 to 255 visible ASCII characters, such as a UUID."})
    digest, body_hash = _digest(request, key), _hash_body(request)
    expired = timezone.now() - KEPT
    IdempotentCall.objects.filter(digest=digest, at__lt=expired).delete()
    with transaction.atomic():
        call = IdempotentCall(digest=digest, body_hash=body_hash)
        # Waits until another transaction that has inserted this digest ends.
        IdempotentCall.objects.bulk_create([call], ignore_conflicts=True)
        stored = IdempotentCall.objects.get(digest=digest)
        if stored.status:
            return _repeat(stored, body_hash)
        response = answer()
        stored.status = response.status_code
        stored.answer = JSONRenderer().render(response.data).decode()
        stored.save(update_fields=["status", "answer"])
    return response


def delete_old_calls() -> int:
    """Deletes the calls of which no repetition is recognised any more. Returns their number."""
    return delete_older(IdempotentCall, timezone.now() - KEPT - GRACE)


def _repeat(stored: IdempotentCall, body_hash: str) -> Response:
    if stored.body_hash != body_hash:
        raise KeyReused
    REPLAYED.inc()
    return Response(
        json.loads(stored.answer), status=stored.status, headers={REPLAYED_HEADER: "true"}
    )


def _digest(request: Request, key: str) -> str:
    """Returns a keyed hash of the caller, the call and the header. It tells nobody the address."""
    given: Any = request.auth
    secret_key = given if given and not given.is_publishable else None
    address = network_of(request.META["REMOTE_ADDR"]).hex()
    caller = f"key {secret_key.pk}" if secret_key else f"address {address}"
    called = f"{caller}\n{request.method} {request.path}\n{key}"
    return salted_hmac("catalog.api.idempotent_calls", called, algorithm="sha256").hexdigest()


def _hash_body(request: Request) -> str:
    """Returns a hash of the JSON of a body, whatever its spaces and the order of its names."""
    return hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).hexdigest()
