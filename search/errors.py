"""The errors of a search, and how the API and the page report them."""

from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions

from catalog.imaging.image_decoding import ImageError
from catalog.index.live_index import IndexNotReady
from catalog.visual.errors import EncoderError


class RequestError(ValueError):
    """A request that cannot be answered. `code` is a code of the public contract. The message is a
    sentence."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def describe_error(error: Exception) -> tuple[int, str, str] | None:
    """Returns the status, the code of the public contract and the sentence of an expected error, or
    None for any other error."""
    if isinstance(error, ImageError | RequestError):
        return error.status, error.code, str(error)
    if isinstance(error, IndexNotReady):
        return 503, "index_not_ready", str(error)
    if isinstance(error, EncoderError):
        return 503, "unavailable", str(error)
    if isinstance(error, OperationalError | InterfaceError):
        return 503, "unavailable", "The database cannot be reached; try again in a moment."
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return 413, "image_too_large", "The request is too large."
    if isinstance(error, SuspiciousOperation):
        return 400, "parameter_invalid", f"The request is refused: {error}"
    if isinstance(error, Http404 | exceptions.NotFound):
        return 404, "not_found", str(error) or "There is nothing at this address."
    if isinstance(error, exceptions.PermissionDenied):
        return 403, "permission_denied", str(error.detail)
    if isinstance(error, PermissionDenied):
        return 403, "permission_denied", "You may not do this."
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return 401, "not_authenticated", str(error.detail)
    if isinstance(error, exceptions.Throttled):
        return 429, "throttled", str(error.detail)
    if isinstance(error, exceptions.APIException):
        sentence = _sentence(error.detail)
        ended = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
        return error.status_code, "parameter_invalid", ended
    return None


def _sentence(detail: Any) -> str:
    """Returns the errors of a serializer, which may be nested, as one line."""
    if isinstance(detail, dict):
        parts = []
        for name, value in detail.items():
            text = _sentence(value)
            parts.append(text if name in ("non_field_errors", "detail") else f"{name}: {text}")
        return " ".join(parts)
    if isinstance(detail, list):
        return " ".join(_sentence(item) for item in detail)
    return str(detail)
