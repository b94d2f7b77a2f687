"""Errors that both sides report: the problems of the REST API, and sentences about unusable
photos. And numbers in sentences."""

from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from rest_framework import serializers

RETRY_AFTER_S = 5  # for failures that end by themselves, such as an overload


def retry_after_s(status: int) -> int | None:
    """Returns after how many seconds a client may repeat a request that failed with this status, or
    None if the same request would fail again."""
    return RETRY_AFTER_S if status == 503 else None


def grouped(number: int) -> str:
    """Returns a whole number with marks between thousands, as the active language writes it."""
    return str(number_format(number, force_grouping=True))


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


class ProblemSerializer(serializers.Serializer):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()


PROBLEMS: dict[Any, Any] = {
    ("4XX", "application/problem+json"): ProblemSerializer,
    ("503", "application/problem+json"): ProblemSerializer,
}
"""The error responses of every call, for the OpenAPI schema."""
