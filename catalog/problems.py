"""Errors of the REST API, as both sides describe them."""

from typing import Any

from rest_framework import serializers


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
"""What every call may answer instead, in the API's description."""
