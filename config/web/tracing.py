"""OpenTelemetry: spans of requests, of their database statements and of the stages of searches,
sent by OTLP over HTTP. Nothing of it is imported unless the setting names a collector."""

from typing import Any

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from config.web.request_ids import HEADER

NOT_TRACED = "livez,readyz,metrics,static/,media/"
SERVICE = "vitrina"
# What shoppers search for and their addresses stay here.
WITHOUT_QUERY = ("http.url", "http.target", "url.full", "url.query")
WITHOUT_ADDRESS = ("net.peer.ip", "net.sock.peer.addr", "client.address", "network.peer.address")


def start_tracing() -> None:
    """Starts to trace this process if OTEL_EXPORTER_OTLP_ENDPOINT is set. Call this before the
    application is made, in the process that answers requests. The other variables OTEL_* work as
    the SDK documents them. Raises ImproperlyConfigured if the packages are missing."""
    if not settings.OTLP_ENDPOINT:
        return
    try:
        _trace()
    except ImportError as error:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but a package is missing. Install those of"
            f" requirements-tracing.txt. ({error})"
        ) from error


def _trace() -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": SERVICE}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    DjangoInstrumentor().instrument(
        tracer_provider=provider, response_hook=describe_request, excluded_urls=NOT_TRACED
    )
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    django.setup(set_prefix=False)
    from search.serving import deadline

    deadline.trace_stage = provider.get_tracer("vitrina").start_as_current_span


def describe_request(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    """Gives the span of a request the id of the request, and takes from it what tells who searches
    for what."""
    if not span.is_recording():
        return
    span.set_attribute("vitrina.request_id", response.get(HEADER, ""))
    for name in WITHOUT_QUERY:
        if name in span.attributes:
            span.set_attribute(name, "" if name == "url.query" else request.path)
    for name in WITHOUT_ADDRESS:
        if name in span.attributes:
            span.set_attribute(name, "")
