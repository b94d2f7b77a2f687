"""The index status, health checks and metrics."""

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.base_view import ApiView
from catalog.api.problems import problem_responses
from catalog.models import Scope
from indexing.api.serializers import IndexStatusSerializer
from indexing.monitoring.freshness import index_status
from indexing.monitoring.metrics import metrics_text
from indexing.monitoring.readiness import check_readiness


class IndexStatusView(ApiView):
    scopes = (Scope.SEARCH, Scope.INDEX)

    @extend_schema(
        operation_id="index_status", responses={200: IndexStatusSerializer, **problem_responses()}
    )
    def get(self, request: Request) -> Response:
        """The live generation, and its delay behind the catalogue."""
        return Response(index_status())


def livez(request: HttpRequest) -> JsonResponse:
    """Answers 200 while the process lives."""
    return JsonResponse({"status": "ok"})


def metrics(request: HttpRequest) -> HttpResponse:
    """Answers with the metrics in Prometheus' text format, or 503 while the database is away."""
    try:
        return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)
    except Error:
        return HttpResponse("# the database is away\n", status=503, content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Answers 200 if the database, the encoder and a live generation are there, else 503 with the
    missing ones."""
    checks = check_readiness()
    ready = all(state == "ok" for state in checks.values())
    body = {"status": "ok" if ready else "unavailable", **checks}
    return JsonResponse(body, status=200 if ready else 503)
