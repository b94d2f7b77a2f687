"""Index status and health."""

from typing import Any

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.index.live_index import IndexNotReady, live_index
from catalog.problems import PROBLEMS
from catalog.visual.errors import EncoderError
from indexing.api.serializers import IndexStatusSerializer
from indexing.monitoring.freshness import index_status
from indexing.monitoring.metrics import metrics_text


class IndexStatusView(APIView):
    authentication_classes: list = []

    @extend_schema(operation_id="index_status", responses={200: IndexStatusSerializer, **PROBLEMS})
    def get(self, request: Request) -> Response:
        """The live generation, and how far it is behind the catalogue."""
        return Response(index_status())


def livez(request: HttpRequest) -> JsonResponse:
    """The process lives."""
    return JsonResponse({"status": "ok"})


def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus; 503 while the database is away."""
    try:
        return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)
    except Error:
        return HttpResponse("# the database is away\n", status=503, content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, encoder and a live generation are there; else 503 and which is missing."""
    checks = readiness()
    ready = all(state == "ok" for state in checks.values())
    body = {"status": "ok" if ready else "unavailable", **checks}
    return JsonResponse(body, status=200 if ready else 503)


def readiness() -> dict[str, Any]:
    """What is there, by name: `ok`, or a word on what is missing."""
    checks = {"database": "ok", "encoder": "unknown", "generation": "unknown"}
    try:
        connection.ensure_connection()
        live_index()
    except Error:
        return {**checks, "database": "missing"}
    except IndexNotReady:
        return {**checks, "generation": "missing"}
    except EncoderError as error:
        return {**checks, "generation": "ok", "encoder": f"missing: {error}"}
    return {**checks, "encoder": "ok", "generation": "ok"}
