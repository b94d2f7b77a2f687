"""Errors that both sides report: the problems of the REST API, and sentences about unusable
photos."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException

NO_KEY = "This call needs a key. Send it in the header Authorization: Bearer KEY."

RETRY_AFTER_S = 5  # for failures that end by themselves, such as an overload


def retry_after_s(status: int) -> int | None:
    """Returns after how many seconds a client may repeat a request that failed with this status, or
    None if the same request would fail again."""
    return RETRY_AFTER_S if status == 503 else None


def photo_sentences() -> dict[str, str]:
    """Returns a sentence for each code of ImageError, in the active language, that says what to
    do."""
    megabytes, megapixels = settings.IMAGE_MAX_BYTES // 1024**2, settings.IMAGE_MAX_PIXELS // 10**6
    return {
        "image_unreadable": _(
            "This photo cannot be read. Save it as JPEG and send it again, or try another."
        ),
        "image_type_unsupported": _(
            "This file is not a photo of a known kind. Send JPEG, PNG, WebP, HEIC or AVIF."
        ),
        "image_too_large": _("This photo is too large. Send one of at most %(size)s MB.")
        % {"size": megabytes},
        "image_too_many_pixels": _("This photo is too large. Send one of at most %(size)s Mpx.")
        % {"size": megapixels},
    }


CODES = {
    "image_missing": (400, "Send a photo in the field 'image', or the id of an earlier one."),
    "image_unreadable": (400, "The image is damaged."),
    "image_type_unsupported": (415, "The file is not a photo of a known kind."),
    "image_too_large": (413, "The image has more than 15 MB."),
    "image_too_many_pixels": (413, "The image has more than 40 megapixels."),
    "box_invalid": (400, "box must be x,y,w,h, each from 0 to 1."),
    "parameter_invalid": (400, "limit: Ensure this value is less than or equal to 100."),
    "not_found": (404, "There is no product 17."),
    "not_authenticated": (401, NO_KEY),
    "permission_denied": (403, "This key is not for index. Make one with the scope index."),
    "throttled": (429, "Request was throttled. Expected available in 12 seconds."),
    "index_not_ready": (503, "No index is published yet."),
    "unavailable": (503, "The database cannot be reached; try again in a moment."),
}
"""The status and an example sentence of each code of the public contract. Any other 4XX has the
code `parameter_invalid`."""
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Permission denied",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    411: "Length required",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported type",
    422: "Unprocessable content",
    429: "Too many requests",
    503: "Unavailable",
}
ALWAYS = (
    *("parameter_invalid", "not_authenticated", "permission_denied"),
    *("throttled", "unavailable"),
)
HEADERS = {401: "`WWW-Authenticate`", 429: "`Retry-After`", 503: "`Retry-After`"}


def problem_body(status: int, code: str, detail: str) -> dict[str, Any]:
    """Returns the JSON body of a problem response."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }


class Conflict(APIException):
    """What a call asks for does not fit the present state. The detail is a sentence."""

    status_code = 409


class ProblemSerializer(serializers.Serializer):
    """An error (RFC 9457), with a code for programs and a sentence for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.ChoiceField(list(CODES))


def problem_responses(
    *codes: str, body: bool = False, conflict: str = "", repeatable: bool = False
) -> dict[Any, Any]:
    """Returns the error responses of a call, for the OpenAPI schema: those of every call, and those
    with these codes. `body`: the call takes a body, which may be too large or of another type.
    `conflict`: an example of a 409. `repeatable`: the call takes an Idempotency-Key."""
    by_status: dict[int, list[tuple[str, str]]] = {}
    for code in (*ALWAYS, *codes):
        status, sentence = CODES[code]
        by_status.setdefault(status, []).append((code, sentence))
    other = {406: "The answer is JSON."}
    if body:
        other |= {413: "Send at most 1 MB.", 415: "This type of body is not supported."}
    if conflict:
        other[409] = conflict
    if repeatable:
        other[422] = "This Idempotency-Key was sent with another body before."
    for status, sentence in other.items():
        by_status.setdefault(status, []).append(("parameter_invalid", sentence))
    return {
        (str(status), "application/problem+json"): _describe_status(status, examples)
        for status, examples in sorted(by_status.items())
    }


def _describe_status(status: int, examples: list[tuple[str, str]]) -> OpenApiResponse:
    with_header = f" With {HEADERS[status]}." if status in HEADERS else ""
    names = ", ".join(f"`{code}`" for code, sentence in examples)
    return OpenApiResponse(
        ProblemSerializer,
        description=f"{TITLES[status]}: {names}.{with_header}",
        examples=[
            OpenApiExample(code, value=problem_body(status, code, sentence), response_only=True)
            for code, sentence in examples
        ],
    )
